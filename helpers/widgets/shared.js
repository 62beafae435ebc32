// What the explorers share; the script of each follows in the same module.

const bytesOf = (value) =>
  value instanceof DataView
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
const numbersOf = (Kind, value) => new Kind(bytesOf(value).slice().buffer);
const escaped = (text) =>
  String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const minus = (text) => String(text).replace("-", "−");
const pictureUrl = (bytes) =>
  URL.createObjectURL(new Blob([bytesOf(bytes)], { type: "image/png" }));

// one shape per class, as the colours must not carry the meaning alone
const SHAPES = [
  (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0z`,
  (x, y, r) => `M${x - 0.9 * r},${y - 0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`,
  (x, y, r) => `M${x},${y - 1.2 * r}l${1.15 * r},${2 * r}h${-2.3 * r}z`,
  (x, y, r) => `M${x},${y - 1.35 * r}l${r},${1.35 * r}l${-r},${1.35 * r}l${-r},${-1.35 * r}z`,
  (x, y, r) => `M${x},${y + 1.2 * r}l${1.15 * r},${-2 * r}h${-2.3 * r}z`,
  (x, y, r) => `M${x - 0.4 * r},${y - 1.2 * r}h${0.8 * r}v${0.8 * r}h${0.8 * r}v${0.8 * r}` +
    `h${-0.8 * r}v${0.8 * r}h${-0.8 * r}v${-0.8 * r}h${-0.8 * r}v${-0.8 * r}h${0.8 * r}z`,
  (x, y, r) => `M${x - 1.3 * r},${y - 0.6 * r}h${2.6 * r}v${1.2 * r}h${-2.6 * r}z`,
  (x, y, r) => `M${x - 0.6 * r},${y - 1.3 * r}h${1.2 * r}v${2.6 * r}h${-1.2 * r}z`,
];

// about `count` round numbers between two ends
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) || 10);
  const digits = clamp(-Math.floor(Math.log10(step) + 1e-9), 0, 6), found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1) {
    found.push([i * step, minus((i * step).toFixed(digits))]);
  }
  return found;
}

// scale bar of a round length in the lower left corner of a drawing in pixels
function scaleBar(width, height, pixelSize) {
  const nice = ticks(0, width * pixelSize, 4)[1][0], bar = nice / pixelSize, unit = width / 100;
  return `<g class="scale"><rect class="plate" x="${unit}" y="${height - 9 * unit}"
      width="${bar + 4 * unit}" height="${8 * unit}"/>
    <rect x="${3 * unit}" y="${height - 3 * unit}" width="${bar}" height="${unit}"/>
    <text x="${3 * unit + bar / 2}" y="${height - 4.2 * unit}" text-anchor="middle"
      style="font-size: ${3.6 * unit}px">${Number(nice.toPrecision(2))} nm</text></g>`;
}

// where in the drawing's own units a pointer is
function pointerIn(svg, event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
    svg.getScreenCTM().inverse());
  return [at.x, at.y];
}
