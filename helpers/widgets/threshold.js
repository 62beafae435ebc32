// Draws what the Python side worked out: pictures and numbers follow the slider without a kernel.

// bits were packed row by row, most significant first
const bitOf = (bytes, width, row, column) =>
  (bytes[row * Math.ceil(width / 8) + (column >> 3)] >> (7 - (column & 7))) & 1;

const MARKS = {
  found: (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
  false: (x, y, r) => `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
  missed: (x, y, r) => `M${x},${y - r}l${r},${1.8 * r}h${-2 * r}z`,
};
const mark = (kind, x, y, r) => {
  const d = MARKS[kind](x, y, r);
  return `<path class="mark halo" d="${d}"/><path class="mark ${kind}" data-kind="${kind}" d="${d}"/>`;
};
const keyEntry = (kind, text) =>
  `<li><svg viewBox="0 0 20 20" aria-hidden="true" class="picture"><path class="mark ${kind}"
    d="${MARKS[kind](10, 10, 6)}"/></svg><span>${text} <b data-number="${kind}"></b></span></li>`;

function render({ model, el }) {
  const [height, width] = model.get("shape");
  const atoms = model.get("atoms"), labels = model.get("labels"), rows = model.get("rows");
  const matched = bytesOf(model.get("matched")), found = bytesOf(model.get("found"));
  const area = model.get("area_nm2"), scored = labels !== null;
  const url = pictureUrl(model.get("picture"));
  const names = scored ? ["precision", "recall", "f1"] : ["count"];
  const titles = { precision: "Precision", recall: "Recall", f1: "F1", count: "Detections" };
  const largest = scored ? 1 : Math.max(1, ...rows.map((row) => row[1]));
  const value = (name, row) => (name === "count" ? row[1] : row[2 + names.indexOf(name)]);

  // the plot: threshold to the right, score (or count) upwards
  const left = 34, right = 300, top = 10, bottom = 150;
  const [first, last] = [rows[0][0], rows[rows.length - 1][0]];
  const px = (t) => left + ((t - first) / (last - first || 1)) * (right - left);
  const py = (v) => bottom - (v / largest) * (bottom - top);
  // precision is a share of the detections: without any it is undefined
  const defined = (name, row) => name !== "precision" || row[1] > 0;
  const digits = (name, row) => (defined(name, row) ? value(name, row).toFixed(3) : "–");
  const line = (name) => rows.filter((row) => defined(name, row))
    .map((row) => `${px(row[0])},${py(value(name, row))}`).join(" ");
  const tick = (v) => (scored ? v.toFixed(1) : Math.round(v));

  const root = document.createElement("div");
  root.className = "a2s-explorer a2s-threshold";
  root.innerHTML = `
    <div>
      <svg class="picture micrograph" viewBox="-0.5 -0.5 ${width} ${height}" role="img">
        <image href="${url}" x="-0.5" y="-0.5" width="${width}" height="${height}"
          preserveAspectRatio="none"/><g class="marks"></g></svg>
      <ul class="key">${scored
        ? keyEntry("found", "labelled atom, detected") + keyEntry("false", "detected, no label") +
          keyEntry("missed", "labelled atom, missed")
        : keyEntry("found", "detected")}</ul>
    </div>
    <div>
      <label>Likelihood threshold <output></output>
        <input type="range" aria-label="Likelihood threshold" min="0" max="${rows.length - 1}"
          step="1"></label>
      <dl>
        <div><dt>Detections</dt><dd data-number="count"></dd></div>
        <div><dt>Density / nm⁻²</dt><dd data-number="density"></dd></div>
        ${scored ? names.map((name) =>
          `<div><dt>${titles[name]}</dt><dd data-number="${name}"></dd></div>`).join("") : ""}
      </dl>
      ${scored ? `<label><input type="checkbox" checked> show missed atoms</label>` : ""}
      <svg class="plot" viewBox="0 0 360 180" aria-hidden="true">
        <path class="axis" d="M${left},${top}V${bottom}H${right}"/>
        <text x="${left - 4}" y="${top + 4}" text-anchor="end">${tick(largest)}</text>
        <text x="${left - 4}" y="${bottom}" text-anchor="end">0</text>
        <text x="${left}" y="${bottom + 14}" text-anchor="middle">${first.toFixed(2)}</text>
        <text x="${right}" y="${bottom + 14}" text-anchor="middle">${last.toFixed(2)}</text>
        <text x="${(left + right) / 2}" y="${bottom + 26}" text-anchor="middle">threshold</text>
        ${names.map((name, i) => `<polyline class="line ${name}" points="${line(name)}"/>
          <line class="line ${name}" x1="308" x2="322" y1="${24 + 16 * i}" y2="${24 + 16 * i}"/>
          <text x="325" y="${28 + 16 * i}">${scored ? ["P", "R", "F1"][i] : "n"}</text>`).join("")}
        <line class="here" y1="${top}" y2="${bottom}"/>
        ${names.map((name) => `<circle class="dot" data-dot="${name}" r="3.5"/>`).join("")}
      </svg>
      <p class="sentence" aria-live="polite"></p>
      <details><summary>Curve as a table</summary><div class="rows" tabindex="0"><table>
        <thead><tr>${["Threshold", "Detections", ...(scored ? ["Precision", "Recall", "F1"] : [])]
          .map((text) => `<th scope="col">${text}</th>`).join("")}</tr></thead>
        <tbody>${rows.map((row) => `<tr><td>${row[0].toFixed(3)}</td><td>${row[1]}</td>${
          scored ? names.map((name) => `<td>${digits(name, row)}</td>`).join("") : ""}</tr>`)
          .join("")}</tbody>
      </table></div></details>
    </div>`;
  el.appendChild(root);

  const $ = (selector) => root.querySelector(selector);
  const slider = $("input[type=range]"), showMissed = $("input[type=checkbox]");
  const number = (name, text) => {
    root.querySelectorAll(`[data-number="${name}"]`).forEach((e) => (e.textContent = text));
    root.dataset[name] = text;
  };

  function draw() {
    const index = Number(slider.value), row = rows[index], [threshold, count] = row;
    const radius = Math.max(width, height) / 60;
    let hits = 0, marks = "";
    for (let i = 0; i < count; i += 1) {
      const hit = !scored || bitOf(matched, atoms.length, index, i);
      hits += hit;
      marks += mark(hit ? "found" : "false", atoms[i][0], atoms[i][1], radius);
    }
    if (showMissed && showMissed.checked) {
      labels.forEach(([x, y], i) => {
        if (!bitOf(found, labels.length, index, i)) marks += mark("missed", x, y, radius);
      });
    }
    $(".marks").innerHTML = marks;
    number("threshold", threshold.toFixed(3));
    number("count", count);
    number("density", (count / area).toFixed(3));
    number("found", hits);
    let sentence = `Threshold ${threshold.toFixed(2)}: ${count} detections, ` +
      `${(count / area).toFixed(2)} per square nanometre.`;
    if (scored) {
      number("false", count - hits);
      number("missed", labels.length - hits);
      names.forEach((name) => number(name, digits(name, row)));
      sentence += ` ${hits} of ${labels.length} labelled atoms found; precision ` +
        `${count ? row[2].toFixed(2) : "undefined"}, recall ${row[3].toFixed(2)}, ` +
        `F1 ${row[4].toFixed(2)}.`;
    }
    $(".sentence").textContent = sentence;
    $(".micrograph").setAttribute("aria-label", `Micrograph with detected atoms. ${sentence}`);
    $("output").textContent = threshold.toFixed(3);
    slider.setAttribute("aria-valuetext", threshold.toFixed(3));
    $(".here").setAttribute("x1", px(threshold));
    $(".here").setAttribute("x2", px(threshold));
    names.forEach((name) => {
      $(`[data-dot="${name}"]`).setAttribute("visibility", defined(name, row) ? "" : "hidden");
      $(`[data-dot="${name}"]`).setAttribute("cx", px(threshold));
      $(`[data-dot="${name}"]`).setAttribute("cy", py(value(name, row)));
    });
  }

  function follow() {
    const wanted = model.get("threshold");
    const distance = rows.map((row) => Math.abs(row[0] - wanted));
    slider.value = distance.indexOf(Math.min(...distance));
    draw();
  }
  slider.addEventListener("input", () => {
    draw();
    model.set("threshold", rows[Number(slider.value)][0]);
    model.save_changes(); // tells a kernel, if there is one
  });
  if (showMissed) showMissed.addEventListener("change", draw);
  model.on("change:threshold", follow);
  follow();
  return () => {
    model.off("change:threshold", follow);
    URL.revokeObjectURL(url);
  };
}

export default { render };
