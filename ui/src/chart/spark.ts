// A sparkline as the path of an SVG, 100 wide and 24 high. From nothing to the highest value, or, where the values never
// come near nothing, over their own range.

export function sparkPath(values: readonly number[]): string {
  const known = values.filter((value) => Number.isFinite(value));
  if (known.length < 2) return '';
  const high = Math.max(...known);
  const least = Math.min(...known);
  const low = least > high * 0.5 ? least - (high - least) * 0.5 : 0;
  const width = high > low ? high - low : 1;
  return values
    .map((value, i) => {
      const x = (i / (values.length - 1)) * 100;
      const y = 23 - (((Number.isFinite(value) ? value : low) - low) / width) * 21;
      return `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
