/**
 * The quantile of Student's t distribution: what a variable of `freedom` degrees of freedom stays below
 * with `probability` (0.5 to 1, 1 excluded). Bisection over the closed form of the distribution
 * (Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4).
 */
export function studentQuantile(probability: number, freedom: number): number {
  let high = 1;
  while (cumulative(high, freedom) < probability && high < 1e9) high *= 2;
  let low = 0;
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (cumulative(middle, freedom) < probability) low = middle;
    else high = middle;
  }
  return high;
}

/** P(T ≤ t) for t ≥ 0. */
function cumulative(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const cosine = Math.cos(angle);
  const isOdd = freedom % 2 === 1;
  // sin θ (1 + ½ cos²θ + (1·3)/(2·4) cos⁴θ + …), or the odd powers of cos θ.
  let term = isOdd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let index = isOdd ? 3 : 2; index < freedom; index += 2) {
    term *= ((index - 1) / index) * cosine * cosine;
    sum += term;
  }
  const inside = isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
  return 0.5 + inside / 2;
}
