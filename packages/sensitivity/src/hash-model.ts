import { encodeModel, type Model } from "@ocrslim/graph";

/**
 * SHA-256 of a model, hexadecimal: of the bytes that `encodeModel` gives. If constants lie in other
 * files, their digests are appended to that of the model, and the hash is that of the whole.
 */
export async function hashModel(model: Model): Promise<string> {
  const digests = [await digest(encodeModel(model))];
  for (const { tensor } of model.graph.initializers) {
    if (tensor?.storage.kind === "external") digests.push(await digest(tensor.bytes));
  }
  const [first] = digests;
  if (digests.length === 1 && first) return toHex(first);
  const joined = new Uint8Array(digests.length * 32);
  digests.forEach((part, index) => {
    joined.set(part, index * 32);
  });
  return toHex(await digest(joined));
}

async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  // The digest reads views of shared memory as well, whatever its type says.
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
