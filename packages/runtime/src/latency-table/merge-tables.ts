import type { LatencyTable, LayerTimes } from "./latency-table.ts";

/**
 * @internal The newer table with the layers that only the older one has, brought to the newer one's
 * speed by the layers that both have.
 */
export function mergeTables(newer: LatencyTable, older: LatencyTable): LatencyTable {
  const own = new Map(newer.layers.map((layer) => [layer.signature, layer]));
  let before = 0;
  let now = 0;
  for (const layer of older.layers) {
    const twin = own.get(layer.signature);
    const [there, here] = [layer, twin].map(atFullWidth);
    if (!twin || !there || !here || !isSameWidth(layer, twin)) continue;
    before += there;
    now += here;
  }
  const scale = before > 0 ? now / before : speed(older) / speed(newer);
  const rest = older.layers
    .filter(({ signature }) => !own.has(signature))
    .map((layer) => ({
      ...layer,
      times: layer.times.map((row) => row.map((time) => time * scale)),
    }));
  return {
    ...newer,
    layers: [...newer.layers, ...rest],
    repeatability: Math.max(newer.repeatability, rest.length > 0 ? older.repeatability : 0),
  };
}

const atFullWidth = (layer: LayerTimes | undefined): number | undefined =>
  layer?.times.at(-1)?.at(-1);

const isSameWidth = (a: LayerTimes, b: LayerTimes): boolean =>
  a.inputs.at(-1) === b.inputs.at(-1) && a.outputs.at(-1) === b.outputs.at(-1);

/** Milliseconds that a unit of layer time stands for. */
const speed = ({ reference }: LatencyTable): number =>
  reference.layersMs > 0 ? reference.medianMs / reference.layersMs : 1;
