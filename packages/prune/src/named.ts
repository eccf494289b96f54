/** Gives a function the name that plans and reports show. */
export function named<F extends object>(name: string, fn: F): F {
  return Object.defineProperty(fn, "name", { value: name });
}
