// Frame, bars and timeline follow buttons, keys and pointer without a kernel.

const SPEEDS = [1, 2, 5, 10, 25];

function render({ model, el }) {
  const get = (name) => model.get(name);
  const states = get("states"), probabilities = numbersOf(Float32Array, get("probabilities"));
  const smoothed = bytesOf(get("smoothed")), truth = bytesOf(get("truth"));
  const n = smoothed.length, known = truth.length > 0, step = get("seconds_per_frame");
  const [columns, height, width] = get("sprite_shape");
  const row = (i) => Array.from(probabilities.subarray(i * states.length, (i + 1) * states.length));
  const likeliest = Uint8Array.from({ length: n }, (_, i) => {
    const mine = row(i);
    return mine.indexOf(Math.max(...mine));
  });
  const digits = clamp(-Math.floor(Math.log10(step) + 1e-9), 0, 6);
  const time = (i) => (i * step).toFixed(digits);
  const agreeing = (path) => path.reduce((sum, state, i) => sum + (state === truth[i]), 0);

  // the timeline: a band per path, in it a lane per state, so that the height tells it too
  const left = 104, right = 580, lane = 10, gap = 7;
  const bands = [["most likely", likeliest], ["smoothed", smoothed], ...(known ? [["true", truth]] : [])];
  const top = (band) => 4 + band * (states.length * lane + gap);
  const floor = top(bands.length) - gap, tx = (i) => left + (i / n) * (right - left);
  const runs = (path, band) => {
    let drawn = "";
    for (let start = 0, i = 1; i <= n; i += 1) {
      if (i < n && path[i] === path[start]) continue;
      drawn += `<rect class="state-${path[start]}" data-band="${band}" data-state="${path[start]}"
        x="${tx(start).toFixed(2)}" y="${top(band) + path[start] * lane}"
        width="${(tx(i) - tx(start)).toFixed(2)}" height="${lane}"/>`;
      start = i;
    }
    return drawn;
  };

  const root = document.createElement("div");
  root.className = "a2s-explorer a2s-frames";
  root.innerHTML = `<div class="panels">
      <div class="screen"><canvas width="${width}" height="${height}" role="img"></canvas>
        <svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${
          scaleBar(width, height, get("pixel_size_nm"))}</svg></div>
      <div>
        <ul class="bars">${states.map((name, k) => `<li><span class="name">${escaped(name)}</span>
          <span class="bar" aria-hidden="true"><i class="state-${k}"></i></span>
          <b data-probability="${k}"></b></li>`).join("")}</ul>
        <dl><div><dt>Time</dt><dd data-told="time"></dd></div>
          ${bands.map(([name]) => `<div><dt>${name[0].toUpperCase()}${name.slice(1)}</dt>
            <dd data-told="${name}"></dd></div>`).join("")}</dl>
      </div></div>
    <div class="controls">
      <button type="button" class="back" aria-label="Previous frame">◀</button>
      <button type="button" class="play"></button>
      <button type="button" class="on" aria-label="Next frame">▶</button>
      <label>Frames per second <select>${SPEEDS.map((speed) =>
        `<option value="${speed}"${speed === 5 ? " selected" : ""}>${speed}</option>`).join("")}
      </select></label></div>
    <svg class="timeline" viewBox="0 0 600 ${floor + 47}" tabindex="0" role="slider"
      aria-label="Frame" aria-valuemin="1" aria-valuemax="${n}">
      ${bands.map(([name], band) => `<text x="${left - 6}" text-anchor="end"
        y="${top(band) + (states.length * lane) / 2 + 5}">${name}</text><rect class="ground"
        x="${left}" y="${top(band)}" width="${right - left}" height="${states.length * lane}"/>`)
        .join("")}${bands.map(([, path], band) => runs(path, band)).join("")}
      ${ticks(0, n * step, 5).map(([t, text]) => `<path class="axis"
        d="M${tx(t / step)},${floor}v5"/><text x="${tx(t / step)}"
        y="${floor + 21}" text-anchor="middle">${text}</text>`).join("")}
      <text x="${(left + right) / 2}" y="${floor + 41}" text-anchor="middle">time / s</text>
      <path class="halo here"/><path class="here"/></svg>
    <p class="sentence spoken"></p>
    ${known ? `<p class="agreement">Most likely state true in ${agreeing(likeliest)} of ${n} frames,
      smoothed state in ${agreeing(smoothed)}.</p>` : ""}
    <details><summary>Frames as a table</summary><div class="rows" tabindex="0"><table><thead><tr>${
      ["Frame", "Time / s", ...states, ...bands.map(([name]) => name)].map((text) =>
        `<th scope="col">${escaped(text)}</th>`).join("")}</tr></thead><tbody></tbody></table>
      </div></details>
    <p class="help">Keys: space plays and pauses, arrows step, Home and End go to the ends. In the
      timeline click a time; the states lie in the order of the bars, top to bottom.</p>`;
  el.appendChild(root);

  const $ = (selector) => root.querySelector(selector);
  const canvas = $("canvas"), timeline = $(".timeline"), speed = $("select"), play = $(".play");
  const shown = () => clamp(get("frame"), 0, n - 1);
  const sheet = new Image(), url = pictureUrl(get("sprite"));
  let timer = null;

  function paint() {
    const i = shown(), context = canvas.getContext("2d");
    if (!sheet.complete || !sheet.naturalWidth) return;
    context.drawImage(sheet, (i % columns) * width, Math.floor(i / columns) * height,
      width, height, 0, 0, width, height);
    root.dataset.painted = i;
  }
  function draw() {
    const i = shown(), mine = row(i);
    paint();
    root.dataset.frame = i;
    mine.forEach((p, k) => {
      $(`[data-probability="${k}"]`).textContent = p.toFixed(2);
      $(`.bar .state-${k}`).style.width = `${100 * p}%`;
      $(`.bars li:nth-child(${k + 1})`).classList.toggle("likeliest", k === likeliest[i]);
    });
    $('[data-told="time"]').textContent = `${time(i)}\u00a0s (frame ${i + 1} of ${n})`;
    bands.forEach(([name, path]) => ($(`[data-told="${name}"]`).textContent = states[path[i]]));
    const sentence = `Frame ${i + 1} of ${n}, ${time(i)} seconds: ` +
      bands.map(([name, path]) => `${name} ${states[path[i]]}` +
        (path === likeliest ? ` (${mine[path[i]].toFixed(2)})` : "")).join(", ") + ".";
    canvas.setAttribute("aria-label", sentence);
    timeline.setAttribute("aria-valuenow", i + 1);
    timeline.setAttribute("aria-valuetext", sentence);
    // while frames run, or the timeline speaks for itself, silence
    if (!timer && document.activeElement !== timeline) $(".sentence").textContent = sentence;
    const x = tx(i + 0.5);
    root.querySelectorAll(".here").forEach((path) =>
      path.setAttribute("d", `M${x},0V${floor + 4}`));
  }
  function goTo(i) {
    model.set("frame", clamp(i, 0, n - 1));
    model.save_changes(); // tells a kernel, if there is one
  }
  function run(on) {
    clearInterval(timer);
    timer = on ? setInterval(() => {
      if (shown() === n - 1) run(false);
      else goTo(shown() + 1);
    }, 1000 / Number(speed.value)) : null;
    play.textContent = on ? "Pause" : "Play";
    root.dataset.playing = on;
    $(".sentence").setAttribute("aria-live", on ? "off" : "polite");
    draw();
  }
  function toggle() {
    if (!timer && shown() === n - 1) goTo(0);
    run(!timer);
  }
  function moveTo(i) {
    run(false);
    goTo(i);
  }
  const KEYS = {
    ArrowLeft: () => moveTo(shown() - 1), ArrowRight: () => moveTo(shown() + 1),
    ArrowDown: () => moveTo(shown() - 1), ArrowUp: () => moveTo(shown() + 1),
    Home: () => moveTo(0), End: () => moveTo(n - 1), " ": toggle,
  };

  root.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    // these have a use of their own for the keys
    if (event.target.closest("select, details")) return;
    if (event.key === " " && event.target.closest("button")) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  play.addEventListener("click", toggle);
  $(".back").addEventListener("click", KEYS.ArrowLeft);
  $(".on").addEventListener("click", KEYS.ArrowRight);
  speed.addEventListener("change", () => run(timer !== null));
  const follow = (event) => {
    const x = pointerIn(timeline, event)[0];
    moveTo(Math.floor(((x - left) / (right - left)) * n));
  };
  timeline.addEventListener("pointerdown", (event) => {
    timeline.setPointerCapture(event.pointerId);
    follow(event);
  });
  timeline.addEventListener("pointermove", (event) => {
    if (timeline.hasPointerCapture(event.pointerId)) follow(event);
  });
  $("details").addEventListener("toggle", () => {
    if ($("tbody").rows.length) return;
    $("tbody").innerHTML = Array.from({ length: n }, (_, i) => `<tr><td>${i + 1}</td><td>${time(i)}
      </td>${row(i).map((p) => `<td>${p.toFixed(2)}</td>`).join("")}${bands.map(([, path]) =>
      `<td>${escaped(states[path[i]])}</td>`).join("")}</tr>`).join("");
  });
  sheet.addEventListener("load", paint);
  sheet.src = url;
  model.on("change:frame", draw);
  run(false);
  return () => {
    clearInterval(timer);
    model.off("change:frame", draw);
    URL.revokeObjectURL(url);
  };
}

export default { render };
