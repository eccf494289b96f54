/** Formats a count with an SI prefix and three digits, such as `2.30 G`. */
export function formatCount(count: number): string {
  const units = [
    ["T", 1e12],
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const;
  for (const [unit, size] of units) {
    if (Math.abs(count) >= size) return `${toThreeDigits(count / size)} ${unit}`;
  }
  return String(count);
}

/** Formats a size in bytes, such as `4.75 MB` (decimal). */
export function formatBytes(bytes: number): string {
  const text = formatCount(bytes);
  return /[a-zA-Z]$/.test(text) ? `${text}B` : `${text} B`;
}

/** Three significant digits, without an exponent. */
export function toThreeDigits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export function formatMilliseconds(milliseconds: number): string {
  return `${toThreeDigits(milliseconds)} ms`;
}

/** A kept fraction, such as `0.62×`. */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

export function formatPercent(fraction: number, digits = 0): string {
  return `${(fraction * 100).toFixed(digits)} %`;
}

/** A metric between 0 and 1, four decimals. */
export function formatMetric(metric: number | undefined): string {
  return metric === undefined ? "–" : metric.toFixed(4);
}

/** A time span, such as `42 s` or `3 min 05 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
