// Plane, field of view and decodings follow pointer, keys and slider without a kernel.

const isImage = (shape) => shape.length === 2;
const signed = (value) => minus(value.toFixed(2));
const coordinates = (x, y) => `z₁\u00a0${signed(x)}, z₂\u00a0${signed(y)}`;

// cell of an increasing grid that holds a value, and how far into it; the ends hold what is beyond
function cellOf(grid, value) {
  let i = 0;
  while (i < grid.length - 2 && grid[i + 1] <= value) i += 1;
  return [i, clamp((value - grid[i]) / (grid[i + 1] - grid[i]), 0, 1)];
}

// power of ten, a multiple of three, that leaves the larger end between 0.1 and 100
function powerOf(low, high) {
  return 3 * Math.floor((Math.log10(Math.max(Math.abs(low), Math.abs(high))) + 1) / 3);
}
const raised = (power) => [...String(power)].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] || "⁻").join("");

// borders half-way between the points of a grid, and as far outside
function borders(grid) {
  const inner = grid.slice(1).map((value, i) => (value + grid[i]) / 2), n = grid.length;
  return [1.5 * grid[0] - 0.5 * grid[1], ...inner, 1.5 * grid[n - 1] - 0.5 * grid[n - 2]];
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const latent = numbersOf(Float32Array, get("latent"));
  const samples = bytesOf(get("samples")), decoded = bytesOf(get("decoded"));
  const shape = get("sample_shape"), axis = get("axis");
  const gridX = get("grid_x"), gridY = get("grid_y"), classes = get("classes");
  const classOf = bytesOf(get("class_of")), n = classOf.length;
  const confidence = numbersOf(Float64Array, get("confidence")), rated = confidence.length > 0;
  const partners = bytesOf(get("partners")), partnerShape = get("partner_shape");
  const names = get("field_names"), fields = get("fields"), pixelSize = get("pixel_size_nm");
  const images = isImage(shape), length = shape.reduce((a, b) => a * b);
  const paired = partners.length > 0, partnerLength = partners.length / n;
  const mapped = isImage(get("picture_shape")), [height, width] = get("picture_shape");
  const square = get("window_px");
  const places = numbersOf(Float32Array, get("points"));
  const url = mapped ? pictureUrl(get("picture")) : "";

  // the plane: wide enough for the grid and every sample
  const left = 46, right = 394, top = 8, bottom = 356;
  const [bx, by] = [borders(gridX), borders(gridY)];
  const range = (edges, offset) => {
    let [first, last] = [edges[0], edges[edges.length - 1]];
    const margin = 0.03 * (last - first);
    for (let i = 0; i < n; i += 1) {
      first = Math.min(first, latent[2 * i + offset] - margin);
      last = Math.max(last, latent[2 * i + offset] + margin);
    }
    return [first, last];
  };
  const [x0, x1] = range(bx, 0), [y0, y1] = range(by, 1);
  const px = (x) => left + ((x - x0) / (x1 - x0)) * (right - left);
  const py = (y) => bottom - ((y - y0) / (y1 - y0)) * (bottom - top);

  function painted(canvas, levels) {
    const context = canvas.getContext("2d");
    const data = context.createImageData(canvas.width, canvas.height);
    levels.forEach((level, i) => data.data.set([level, level, level, 255], 4 * i));
    context.putImageData(data, 0, 0);
    return canvas;
  }
  function sheet(w, h) {
    return Object.assign(document.createElement("canvas"), { width: w, height: h });
  }
  // all decodings, each in its cell of the plane
  function backdrop() {
    const scale = 2, whole = sheet(scale * (right - left), scale * (bottom - top));
    const context = whole.getContext("2d"), tile = images ? sheet(shape[1], shape[0]) : null;
    context.imageSmoothingEnabled = false;
    context.strokeStyle = "#ddd";
    context.lineWidth = scale;
    gridY.forEach((_, row) => gridX.forEach((__, column) => {
      const levels = decoded.subarray((row * gridX.length + column) * length).subarray(0, length);
      const x = scale * (px(bx[column]) - left), y = scale * (py(by[row + 1]) - top);
      const w = scale * (px(bx[column + 1]) - left) - x, h = scale * (py(by[row]) - top) - y;
      if (images) return context.drawImage(painted(tile, levels), x, y, w, h);
      context.beginPath();
      levels.forEach((level, i) => context.lineTo(
        x + w * (0.08 + (0.84 * i) / Math.max(length - 1, 1)), y + h * (0.9 - (0.8 * level) / 255)));
      return context.stroke();
    }));
    return whole.toDataURL();
  }

  const [plotW, plotH] = [330, 170], box = { left: 48, right: 312, top: 8, bottom: 130 };
  const ends = axis.length ? [Math.min(...axis), Math.max(...axis)] : [0, 1];
  const ax = (v) => box.left + ((v - ends[0]) / (ends[1] - ends[0] || 1)) * (box.right - box.left);
  const ay = (level) => box.bottom - (level / 255) * (box.bottom - box.top);
  const values = ([low, high]) => {
    const power = powerOf(low, high), unit = 10 ** power;
    const found = ticks(low / unit, high / unit, 3).map(
      ([v, text]) => [(255 * (v * unit - low)) / (high - low), text]);
    return [found, `${get("value_label")}${power ? ` (10${raised(power)})` : ""}`];
  };
  const frame = (kind, scale) => isImage(kind)
    ? `<canvas width="${kind[1]}" height="${kind[0]}" role="img"></canvas>` : `<svg class="curve" viewBox="0 0 ${plotW} ${plotH}" role="img">
      <path class="axis" d="M${box.left},${box.top}V${box.bottom}H${box.right}"/>
      ${ticks(...ends, 4).map(([v, text]) => `<path class="axis" d="M${ax(v)},${box.bottom}v4"/>
        <text x="${ax(v)}" y="${box.bottom + 17}" text-anchor="middle">${text}</text>`).join("")}
      ${values(scale)[0].map(([level, text]) => `<path class="axis" d="M${box.left},${ay(level)}h-4"/>
        <text x="${box.left - 6}" y="${ay(level) + 4}" text-anchor="end">${text}</text>`).join("")}
      <text x="${(box.left + box.right) / 2}" y="${plotH - 6}" text-anchor="middle">${
        escaped(get("axis_label") || "channel")}</text>
      <text transform="translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)"
        text-anchor="middle">${escaped(values(scale)[1])}</text>
      <polyline class="line"/></svg>`;

  const other = images ? "spectrum" : "image";
  const key = classes.map((name, i) => `<li><svg viewBox="0 0 20 20" aria-hidden="true"><path
    class="mark class-${i}" d="${SHAPES[i](10, 10, 6)}"/></svg><span>${escaped(name)}
    <b data-shown="${i}"></b></span></li>`).join("");

  const root = document.createElement("div");
  root.className = `a2s-explorer a2s-latent ${images ? "images" : "spectra"} ${mapped ? "mapped" : ""} ${
    square ? "windows" : ""} ${paired ? "paired" : ""}`;
  get("colours").forEach((colour, i) => colour && root.style.setProperty(`--class-${i}`, colour));
  root.innerHTML = `<div class="panels">
    <div class="plane-panel">
      <svg class="plane" viewBox="0 0 400 400" tabindex="0" role="application">
        <rect class="ground" x="${left}" y="${top}" width="${right - left}"
          height="${bottom - top}"/>
        <image class="grid" href="${backdrop()}" x="${left}" y="${top}" width="${right - left}"
          height="${bottom - top}" preserveAspectRatio="none"/>
        ${ticks(x0, x1, 5).map(([v, text]) => `<path class="axis" d="M${px(v)},${bottom}v5"/>
          <text x="${px(v)}" y="${bottom + 19}" text-anchor="middle">${text}</text>`).join("")}
        ${ticks(y0, y1, 5).map(([v, text]) => `<path class="axis" d="M${left},${py(v)}h-5"/>
          <text x="${left - 8}" y="${py(v) + 4}" text-anchor="end">${text}</text>`).join("")}
        <text x="${(left + right) / 2}" y="394" text-anchor="middle">z₁</text>
        <text x="11" y="${(top + bottom) / 2}" text-anchor="middle">z₂</text>
        <g class="marks"></g><path class="halo ring"/><path class="ring"/>
        <path class="halo cursor"/><path class="cursor"/></svg>
      <ul class="key">${key}</ul>
      <label class="check"><input type="checkbox" checked> decoded grid behind the samples</label>
    </div>
    <div class="here-panel">
      <div class="pair">
        <figure class="here"><figcaption><b>Decoded here</b> <span class="where"></span>
          </figcaption>${frame(shape, get("levels"))}</figure>
        <figure class="real"><figcaption><b>Selected ${square ? "window" : "sample"}</b>
          <span class="which"></span></figcaption>${frame(shape, get("levels"))}</figure>
        ${paired ? `<figure class="partner"><figcaption><b>Its ${other}</b></figcaption>${
          frame(partnerShape, get("partner_levels"))}</figure>` : ""}
      </div>
      <dl></dl>
    </div>
    ${mapped ? `<div class="map-panel"><svg class="map" viewBox="-0.5 -0.5 ${width} ${height}"
        tabindex="0" role="application">
      <image href="${url}" x="-0.5" y="-0.5" width="${width}" height="${height}"
        preserveAspectRatio="none"/>
      <g class="marks"></g>
      ${pixelSize ? scaleBar(width, height, pixelSize) : ""}
      <path class="halo ring"/><path class="ring"/></svg></div>` : ""}
    <div class="controls">
      <label ${rated ? "" : "hidden"}>Confidence at least <output></output>
        <input type="range" min="0" max="1" step="0.01"></label>
      <p class="counts" aria-live="polite" ${rated ? "" : "hidden"}></p>
      <p class="chosen spoken" aria-live="polite"></p>
      <details><summary>Classes as a table</summary><div class="rows" tabindex="0"><table>
        <thead><tr>${["Class", "n", ...(rated ? ["Mean confidence", "Kept"] : [])].map(
          (text) => `<th scope="col">${text}</th>`).join("")}</tr></thead><tbody></tbody></table></div></details>
      <p class="help">Move over the plane, or use its arrow keys, to decode; click or Enter selects
        the nearest sample.${mapped ? ` Click ${square ? "a place in the field of view" : "an atom"}, or
        use the arrow keys of the field of view.` : ""}</p>
    </div></div>`;
  el.appendChild(root);

  const $ = (selector) => root.querySelector(selector);
  const plane = $(".plane"), map = $(".map"), slider = $("input[type=range]");
  const everyone = [...Array(n).keys()];
  const average = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(0)}\u00a0%` : "–");
  const nearest = (distance) =>
    everyone.reduce((best, i) => (distance(i) < distance(best) ? i : best), 0);
  const ring = (svg, x, y, r) => svg.querySelectorAll(".ring")
    .forEach((path) => path.setAttribute("d", SHAPES[0](x, y, r)));
  // a window and its pixel x, y, which is right of and below the middle where the width is even
  const outline = (x, y) => {
    const [across, down] = [x, y].map((middle) => middle - Math.floor(square / 2) - 0.5);
    map.querySelectorAll(".ring").forEach((path) => path.setAttribute("d",
      `M${across},${down}h${square}v${square}h${-square}zM${x - 1},${y}h2M${x},${y - 1}v2`));
  };
  const chosen = () => clamp(get("selected"), 0, n - 1);
  let cursor = [0, 0];

  // one path per class: a thousand marks cost no more than a few
  function marks(svg, at, radius) {
    const path = (members, i, kind) => {
      const d = members.map((k) => SHAPES[i](...at(k), radius)).join("");
      return `<path class="halo" d="${d}"/><path class="mark ${kind}" data-class="${i}" d="${d}"/>`;
    };
    const split = classes.map((_, c) => everyone.filter((k) => classOf[k] === c));
    const floor = Number(slider.value), kept = (k) => !rated || confidence[k] >= floor;
    svg.querySelector(".marks").innerHTML =
      split.map((all, i) => path(all.filter((k) => !kept(k)), i, "below")).join("") +
      split.map((all, i) => path(all.filter(kept), i, `class-${i}`)).join("");
  }

  function show(figure, levels, description) {
    const drawing = figure.querySelector("canvas, svg");
    if (drawing.tagName === "CANVAS") painted(drawing, levels);
    else {
      figure.querySelector(".line").setAttribute("points",
        Array.from(levels, (level, i) => `${ax(axis[i]).toFixed(2)},${ay(level).toFixed(2)}`)
          .join(" "));
    }
    drawing.setAttribute("aria-label", description);
  }

  function decodeAt(x, y) {
    const [i, u] = cellOf(gridX, x), [j, v] = cellOf(gridY, y), stride = gridX.length * length;
    const start = j * stride + i * length, levels = new Float32Array(length);
    for (let k = start; k < start + length; k += 1) {
      levels[k - start] =
        (1 - v) * ((1 - u) * decoded[k] + u * decoded[k + length]) +
        v * ((1 - u) * decoded[k + stride] + u * decoded[k + stride + length]);
    }
    return levels;
  }

  function moveTo(x, y, spoken) {
    cursor = [clamp(x, x0, x1), clamp(y, y0, y1)];
    [root.dataset.x, root.dataset.y] = cursor;
    const [cx, cy] = [px(cursor[0]), py(cursor[1])];
    plane.querySelectorAll(".cursor").forEach((path) => path.setAttribute("d",
      `M${cx - 11},${cy}h7m8,0h7M${cx},${cy - 11}v7m0,8v7`));
    const outside = cursor[0] < gridX[0] || cursor[0] > gridX[gridX.length - 1] ||
      cursor[1] < gridY[0] || cursor[1] > gridY[gridY.length - 1];
    const text = `${coordinates(...cursor)}${outside ? " (edge of grid)" : ""}`;
    $(".where").setAttribute("aria-live", spoken ? "polite" : "off");
    $(".where").textContent = text;
    show($(".here"), decodeAt(...cursor), `Decoded ${images ? "image" : "spectrum"} at ${text}`);
    plane.setAttribute("aria-label", `Latent plane of ${n} samples, at ${text}. Arrow keys move ` +
      "and decode, Enter selects the nearest sample.");
  }

  function select(index) {
    model.set("selected", index);
    model.save_changes(); // tells a kernel, if there is one
  }
  function showSelected() {
    const k = chosen(), name = classes[classOf[k]];
    const [x, y] = [places[2 * k], places[2 * k + 1]];
    const sure = rated ? `, confidence ${confidence[k].toFixed(2)}` : "";
    const place = pixelSize
      ? `x\u00a0${(x * pixelSize).toFixed(2)}, y\u00a0${(y * pixelSize).toFixed(2)}\u00a0nm`
      : `x\u00a0${x?.toFixed(1)}, y\u00a0${y?.toFixed(1)}\u00a0px`;
    root.dataset.selected = k;
    $(".which").textContent = `number ${k}`;
    show($(".real"), samples.subarray(k * length, (k + 1) * length),
      `${images ? "Image" : "Spectrum"} of sample ${k}, ${name}${sure}`);
    if (paired) {
      show($(".partner"), partners.subarray(k * partnerLength, (k + 1) * partnerLength),
        `The ${other} of sample ${k}, ${name}`);
    }
    const told = [["Class", name], ...(rated ? [["Confidence", confidence[k].toFixed(3)]] : []),
      ["Latent place", coordinates(latent[2 * k], latent[2 * k + 1])],
      ...(mapped ? [["In the field of view", place]] : []), ...names.map((field, i) => [field, fields[k][i]])];
    $("dl").innerHTML = told.map(([term, value]) =>
      `<div><dt>${escaped(term)}</dt><dd>${escaped(value)}</dd></div>`).join("");
    const sentence = `Selected: sample ${k}, ${name}${sure}` +
      `${mapped ? `, at ${place} in the field of view` : ""}.`;
    $(".chosen").textContent = sentence;
    ring(plane, px(latent[2 * k]), py(latent[2 * k + 1]), 9);
    if (!mapped) return;
    if (square) outline(x, y);
    else ring(map, x, y, width / 36);
    map.setAttribute("aria-label",
      `Field of view with ${n} samples. ${sentence} Arrow keys select a neighbour.`);
  }

  function showConfidence() {
    const floor = Number(slider.value);
    const rows = classes.map((name, c) => {
      const all = everyone.filter((k) => classOf[k] === c).map((k) => (rated ? confidence[k] : 1));
      return { name, all, kept: all.filter((value) => value >= floor).length };
    });
    const total = rows.reduce((sum, row) => sum + row.kept, 0);
    $(".counts").textContent = `Confidence of at least ${floor.toFixed(2)}: ${total} of ${n} ` +
      `samples (${percent(total, n)}); of these ` +
      `${rows.map((row) => `${row.name} ${row.kept} (${percent(row.kept, total)})`).join(", ")}.`;
    rows.forEach(({ kept, all }, i) => ($(`[data-shown="${i}"]`).textContent =
      rated ? `${kept} of ${all.length}` : all.length));
    $("tbody").innerHTML = rows.map(({ name, all, kept }) => `<tr><th scope="row">${escaped(name)}
      </th><td>${all.length}</td>${rated ? `<td>${all.length ? average(all).toFixed(3) : "–"}</td>
      <td>${kept} (${percent(kept, all.length)})</td>` : ""}</tr>`).join("");
    $("output").textContent = floor.toFixed(2);
    slider.setAttribute("aria-valuetext", floor.toFixed(2));
    marks(plane, (k) => [px(latent[2 * k]), py(latent[2 * k + 1])], 4.5);
    if (mapped) {
      marks(map, (k) => [places[2 * k], places[2 * k + 1]], square ? 0.3 : width / 110);
    }
  }

  const follow = (event) => {
    const [x, y] = pointerIn(plane, event);
    moveTo(x0 + ((x - left) / (right - left)) * (x1 - x0),
      y0 + ((bottom - y) / (bottom - top)) * (y1 - y0), false);
  };
  const selectHere = () => select(nearest((k) => Math.hypot(
    px(latent[2 * k]) - px(cursor[0]), py(latent[2 * k + 1]) - py(cursor[1]))));
  const ARROWS = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
  };
  const goTo = (k) => {
    select(k);
    moveTo(latent[2 * k], latent[2 * k + 1], false);
  };

  plane.addEventListener("pointermove", follow);
  plane.addEventListener("click", (event) => {
    follow(event);
    selectHere();
  });
  plane.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (step) {
      moveTo(cursor[0] + (step[0] * (x1 - x0)) / 40, cursor[1] + (step[1] * (y1 - y0)) / 40, true);
    } else if (event.key === "Enter" || event.key === " ") selectHere();
    else return;
    event.preventDefault();
  });
  if (mapped) {
    map.addEventListener("click", (event) => {
      const [x, y] = pointerIn(map, event);
      goTo(nearest((k) => Math.hypot(places[2 * k] - x, places[2 * k + 1] - y)));
    });
    // the nearest atom in the quarter of the image that the arrow points to
    map.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key], k = chosen();
      if (!step) return;
      event.preventDefault();
      const [x, y] = [places[2 * k], places[2 * k + 1]];
      const away = (i) => {
        const along = (places[2 * i] - x) * step[0] - (places[2 * i + 1] - y) * step[1];
        const across = (places[2 * i] - x) * step[1] + (places[2 * i + 1] - y) * step[0];
        return along > 0 && Math.abs(across) <= along ? Math.hypot(along, across) : Infinity;
      };
      const next = nearest(away);
      if (away(next) < Infinity) goTo(next);
    });
  }
  $("input[type=checkbox]").addEventListener("change", (event) =>
    $(".grid").classList.toggle("hidden", !event.target.checked));
  slider.addEventListener("input", () => {
    model.set("least_confidence", Number(slider.value));
    model.save_changes();
  });
  const followSlider = () => {
    slider.value = get("least_confidence");
    showConfidence();
  };
  model.on("change:selected", showSelected);
  model.on("change:least_confidence", followSlider);
  followSlider();
  showSelected();
  moveTo(latent[2 * chosen()], latent[2 * chosen() + 1], false);
  return () => {
    model.off("change:selected", showSelected);
    model.off("change:least_confidence", followSlider);
    URL.revokeObjectURL(url);
  };
}

export default { render };
