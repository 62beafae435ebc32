// The globe turns under pointer and keys, and the image of its middle follows, without a kernel.

// cividis: told apart with the common forms of colour blindness, and in grey
const STOPS = ["#00224e", "#083370", "#35456c", "#4f576c", "#666970", "#7d7c78", "#948e77",
  "#aea371", "#c8b866", "#e5cf52", "#fee838"].map((hex) =>
  [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
const colour = (share) => {
  const at = clamp(share, 0, 1) * (STOPS.length - 1), i = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[i].map((low, k) => Math.round(low + (at - i) * (STOPS[i + 1][k] - low)));
};
const RADIANS = Math.PI / 180, SIZE = 300, RADIUS = 146, TURN = 5;
const vector = (longitude, latitude) => [
  Math.cos(latitude * RADIANS) * Math.cos(longitude * RADIANS),
  Math.cos(latitude * RADIANS) * Math.sin(longitude * RADIANS), Math.sin(latitude * RADIANS)];
const angles = ([x, y, z]) => [
  Math.hypot(x, y) > 1e-9 ? Math.atan2(y, x) / RADIANS : 0, Math.asin(clamp(z, -1, 1)) / RADIANS];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const degrees = (value) => `${minus(value.toFixed(0).replace(/^-0$/, "0"))}°`;
const told = (value) => minus(Number(value.toPrecision(3)).toString());

function render({ model, el }) {
  const get = (name) => model.get(name);
  const flat = numbersOf(Float32Array, get("directions")), isomers = get("isomers");
  const isomerOf = bytesOf(get("isomer_of")), n = isomerOf.length;
  const everyone = [...Array(n).keys()], names = get("names");
  const values = numbersOf(Float32Array, get("values"));
  const alike = numbersOf(Int32Array, get("alike")), m = alike.length / n;
  const similarity = numbersOf(Float32Array, get("similarity"));
  const [columns, height, width] = get("sprite_shape");
  const direction = (k) => flat.subarray(3 * k, 3 * k + 3);
  const members = isomers.map((_, c) => everyone.filter((k) => isomerOf[k] === c));
  const value = (k, v) => values[k * names.length + v];
  const place = (d) => {
    const [longitude, latitude] = angles(d);
    return `longitude ${degrees(longitude)}, latitude ${degrees(latitude)}`;
  };
  const picture = `<span class="picture"><canvas width="${width}" height="${height}" role="img">
    </canvas></span>`;
  const group = `isomer-${Math.random().toString(36).slice(2)}`;

  const root = document.createElement("div");
  root.className = "a2s-explorer a2s-orientations";
  root.innerHTML = `<div class="panels">
    <div>
      <fieldset><legend>Isomer</legend>${isomers.map((name, c) => `<label><input type="radio"
        name="${group}" value="${c}"> ${escaped(name)}</label>`).join("")}</fieldset>
      ${names.length > 1 ? `<label class="by">Colour <select>${names.map((name, v) =>
        `<option value="${v}">${escaped(name)}</option>`).join("")}</select></label>` : ""}
      <div class="globe"><canvas class="ground" width="${SIZE}" height="${SIZE}"></canvas>
        <svg class="net" viewBox="0 0 ${SIZE} ${SIZE}" tabindex="0" role="application">
          <circle class="rim" cx="${SIZE / 2}" cy="${SIZE / 2}" r="${RADIUS}"/>
          <path class="lines"/>${["x", "y", "z"].map((name) =>
            `<g class="pole" data-axis="${name}"><circle r="8"/><text text-anchor="middle"
              y="4">${name}</text></g>`).join("")}
          <path class="halo here"/><path class="here"/>
          <circle class="halo ring" r="7"/><circle class="ring" r="7"/></svg></div>
      <div class="scale-of"><span class="name"></span><div class="ramp"><i></i></div>
        <span class="low"></span><span class="high"></span></div>
      <p class="buttons"><button type="button" class="highest">Highest</button>
        <button type="button" class="lowest">Lowest</button></p>
    </div>
    <div>
      <figure class="shown"><figcaption><b>Image</b> <span></span></figcaption>
        <span class="picture"><canvas width="${width}" height="${height}" role="img"></canvas>
        <svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${
          scaleBar(width, height, get("pixel_size_nm"))}</svg></span></figure>
      <dl></dl>
      ${m ? `<p class="title"><b>Most alike</b></p><ul class="alike">${everyone.slice(0, m).map(() =>
        `<li><button type="button">${picture}<span class="which"></span></button></li>`).join("")}
      </ul>` : ""}
    </div></div>
    <p class="counts" aria-live="polite"></p>
    <p class="sentence spoken" aria-live="polite"></p>
    <details><summary>Directions as a table</summary><div class="rows" tabindex="0"><table>
      <thead><tr>${["Longitude", "Latitude", ...names].map((text) =>
        `<th scope="col">${escaped(text)}</th>`).join("")}</tr></thead><tbody></tbody></table></div>
    </details>
    <p class="help">Drag the globe, or use its arrow keys, to turn the cluster; a click brings a
      place to the middle, Home the highest value, End the lowest. x, y and z are the axes of the
      cluster${m ? "; a click on an alike image goes there" : ""}.</p>`;
  el.appendChild(root);

  const $ = (selector) => root.querySelector(selector);
  const net = $(".net"), ground = $(".ground"), choice = $("select");
  const sheet = new Image(), url = pictureUrl(get("sprite"));
  let current = clamp(get("selected"), 0, n - 1), [longitude, latitude] = angles(direction(current));
  const by = () => (choice ? Number(choice.value) : 0);
  const range = names.map((_, v) => {
    const all = everyone.map((k) => value(k, v));
    return [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
  });
  const share = (k, v) => (value(k, v) - range[v][0]) / (range[v][1] - range[v][0] || 1);
  const nearest = (to, among) => among.reduce((best, k) =>
    (dot(direction(k), to) > dot(direction(best), to) ? k : best), among[0]);

  // right, up and towards the reader, as the cluster stands; then where a direction is drawn
  const frame = () => [
    [-Math.sin(longitude * RADIANS), Math.cos(longitude * RADIANS), 0],
    vector(longitude, latitude + 90), vector(longitude, latitude)];
  const onto = (axes, d) => [SIZE / 2 + RADIUS * dot(axes[0], d), SIZE / 2 - RADIUS * dot(axes[1], d)];

  // Every pixel has the colour of the nearest direction, unless that is far away. Each direction
  // claims the pixels around it that no other one lies nearer to.
  function paintGlobe(axes) {
    const mine = members[isomerOf[current]], context = ground.getContext("2d");
    const reach = Math.min(1.5 * Math.sqrt((4 * Math.PI) / mine.length), Math.PI / 2);
    const data = context.createImageData(SIZE, SIZE), closest = new Float32Array(SIZE * SIZE);
    const span = Math.ceil(RADIUS * Math.sin(reach)) + 1;
    closest.fill(Math.cos(reach));
    mine.forEach((k) => {
      const [a, b, c] = axes.map((axis) => dot(axis, direction(k)));
      if (c < -Math.sin(reach)) return;
      const [red, green, blue] = colour(share(k, by()));
      const x0 = SIZE / 2 + RADIUS * a, y0 = SIZE / 2 - RADIUS * b;
      const right = Math.min(Math.ceil(x0 + span), SIZE), low = Math.min(Math.ceil(y0 + span), SIZE);
      for (let py = Math.max(Math.floor(y0 - span), 0); py < low; py += 1) {
        const y = (SIZE / 2 - py - 0.5) / RADIUS;
        for (let px = Math.max(Math.floor(x0 - span), 0); px < right; px += 1) {
          const x = (px + 0.5 - SIZE / 2) / RADIUS, rest = 1 - x * x - y * y;
          if (rest < 0) continue;
          const cosine = a * x + b * y + c * Math.sqrt(rest), at = py * SIZE + px;
          if (cosine <= closest[at]) continue;
          closest[at] = cosine;
          data.data[4 * at] = red;
          data.data[4 * at + 1] = green;
          data.data[4 * at + 2] = blue;
          data.data[4 * at + 3] = 255;
        }
      }
    });
    context.putImageData(data, 0, 0);
  }
  function drawNet(axes) {
    const line = (points) => {
      let path = "", drawing = false;
      points.forEach((d) => {
        const before = dot(axes[2], d) > 0;
        if (before) path += `${drawing ? "L" : "M"}${onto(axes, d).map((v) => v.toFixed(1))}`;
        drawing = before;
      });
      return path;
    };
    const steps = (from, to) => Array.from({ length: 37 }, (_, i) => from + ((to - from) * i) / 36);
    let path = "";
    for (let a = 0; a < 360; a += 30) path += line(steps(-90, 90).map((b) => vector(a, b)));
    for (let b = -60; b <= 60; b += 30) path += line(steps(0, 360).map((a) => vector(a, b)));
    $(".lines").setAttribute("d", path);
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]].forEach((axis, i) => {
      const pole = root.querySelectorAll(".pole")[i];
      pole.setAttribute("transform", `translate(${onto(axes, axis)})`);
      pole.setAttribute("visibility", dot(axes[2], axis) > 0 ? "visible" : "hidden");
    });
    const [x, y] = onto(axes, direction(current)), middle = SIZE / 2;
    root.querySelectorAll(".ring").forEach((ring) => {
      ring.setAttribute("cx", x);
      ring.setAttribute("cy", y);
    });
    root.querySelectorAll(".here").forEach((cross) => cross.setAttribute("d",
      `M${middle - 12},${middle}h8m8,0h8M${middle},${middle - 12}v8m0,8v8`));
  }
  function paint(canvas, k, description) {
    canvas.setAttribute("aria-label", description);
    if (!sheet.complete || !sheet.naturalWidth) return;
    canvas.getContext("2d").drawImage(sheet, (k % columns) * width,
      Math.floor(k / columns) * height, width, height, 0, 0, width, height);
    root.dataset.painted = k;
  }
  const say = (k) => `${isomers[isomerOf[k]]} seen from ${place(direction(k))}`;

  function draw() {
    const axes = frame(), k = current, v = by(), mine = members[isomerOf[k]];
    paintGlobe(axes);
    drawNet(axes);
    root.dataset.selected = k;
    [root.dataset.longitude, root.dataset.latitude] = [longitude, latitude];
    const away = Math.acos(clamp(dot(direction(k), axes[2]), -1, 1)) / RADIANS;
    paint($(".shown canvas"), k, `Image: ${say(k)}`);
    $(".shown figcaption span").textContent = `${isomers[isomerOf[k]]}, ` +
      `nearest direction, ${degrees(away)} away`;
    const rows = [["Direction", place(direction(k)).replace(/(lon|lat)\w+/g, "$1.")],
      ...names.map((name, i) => [name, told(value(k, i))])];
    $("dl").innerHTML = rows.map(([term, text]) =>
      `<div><dt>${escaped(term)}</dt><dd>${escaped(text)}</dd></div>`).join("");
    root.querySelectorAll(".alike li").forEach((item, i) => {
      const other = alike[k * m + i], canvas = item.querySelector("canvas");
      const near = similarity.length ? `similarity ${similarity[k * m + i].toFixed(3)}` : "";
      paint(canvas, other, `Go to ${say(other)}`);
      item.querySelector(".which").textContent = [isomers[isomerOf[other]], near].filter(Boolean)
        .join(", ");
      item.dataset.row = other;
    });
    const sentence = `${say(k)}: ${names[v]} ${told(value(k, v))}.`;
    $(".sentence").textContent = sentence;
    net.setAttribute("aria-label", `Globe of viewing directions, at ${place(axes[2])}. ${sentence}` +
      " Arrow keys turn it, Home goes to the highest value, End to the lowest.");
    const all = mine.map((i) => value(i, v)).sort((a, b) => a - b);
    $(".counts").textContent = `${isomers[isomerOf[k]]}: ${mine.length} directions, ${names[v]} ` +
      `${told(all.reduce((a, b) => a + b, 0) / all.length)} on average, from ${told(all[0])} to ` +
      `${told(all[all.length - 1])}.`;
    $(".scale-of .name").textContent = names[v];
    $(".low").textContent = told(range[v][0]);
    $(".high").textContent = told(range[v][1]);
    $(".ramp i").style.left = `${100 * share(k, v)}%`;
    $(`[name=${group}][value="${isomerOf[k]}"]`).checked = true;
  }
  // rows follow the isomer, not every turn
  function list() {
    const mine = members[isomerOf[current]];
    if (!$("details").open || root.dataset.listed === String(isomerOf[current])) return;
    root.dataset.listed = isomerOf[current];
    $("tbody").innerHTML = mine.map((k) => `<tr>${angles(direction(k)).map((angle) =>
      `<td>${degrees(angle)}</td>`).join("")}${names.map((_, v) =>
      `<td>${told(value(k, v))}</td>`).join("")}</tr>`).join("");
  }
  function select(k) {
    current = k;
    draw();
    list();
    model.set("selected", k);
    model.save_changes(); // tells a kernel, if there is one
  }
  function turnTo(a, b) {
    longitude = ((((a + 180) % 360) + 360) % 360) - 180;
    latitude = clamp(b, -90, 90);
    select(nearest(vector(longitude, latitude), members[isomerOf[current]]));
  }
  const goTo = (k) => {
    [longitude, latitude] = angles(direction(k));
    select(k);
  };
  const extreme = (sign) => {
    const mine = members[isomerOf[current]];
    goTo(mine.reduce((best, k) => (sign * (value(k, by()) - value(best, by())) > 0 ? k : best)));
  };
  const KEYS = {
    ArrowLeft: () => turnTo(longitude - TURN, latitude),
    ArrowRight: () => turnTo(longitude + TURN, latitude),
    ArrowUp: () => turnTo(longitude, latitude + TURN),
    ArrowDown: () => turnTo(longitude, latitude - TURN),
    Home: () => extreme(1), End: () => extreme(-1),
  };

  net.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  let held = null;
  net.addEventListener("pointerdown", (event) => {
    net.setPointerCapture(event.pointerId);
    held = { at: pointerIn(net, event), from: [longitude, latitude], moved: false };
  });
  net.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = pointerIn(net, event), dx = x - held.at[0], dy = y - held.at[1];
    held.moved ||= Math.hypot(dx, dy) > 4;
    if (held.moved) turnTo(held.from[0] - dx / RADIUS / RADIANS, held.from[1] + dy / RADIUS / RADIANS);
  });
  net.addEventListener("pointerup", (event) => {
    const clicked = held && !held.moved;
    held = null;
    if (!clicked) return;
    const [px, py] = pointerIn(net, event), axes = frame();
    const x = (px - SIZE / 2) / RADIUS, y = (SIZE / 2 - py) / RADIUS, rest = 1 - x * x - y * y;
    if (rest < 0) return;
    turnTo(...angles([0, 1, 2].map((i) =>
      x * axes[0][i] + y * axes[1][i] + Math.sqrt(rest) * axes[2][i])));
  });
  net.addEventListener("pointercancel", () => (held = null));
  root.querySelectorAll("[type=radio]").forEach((radio) => radio.addEventListener("change", () =>
    select(nearest(vector(longitude, latitude), members[Number(radio.value)]))));
  root.querySelectorAll(".alike button").forEach((button) => button.addEventListener("click", () =>
    goTo(Number(button.parentElement.dataset.row))));
  if (choice) choice.addEventListener("change", draw);
  $(".highest").addEventListener("click", KEYS.Home);
  $(".lowest").addEventListener("click", KEYS.End);
  $("details").addEventListener("toggle", list);
  const follow = () => {
    if (get("selected") !== current) goTo(clamp(get("selected"), 0, n - 1));
  };
  model.on("change:selected", follow);
  sheet.addEventListener("load", draw);
  sheet.src = url;
  draw();
  return () => {
    model.off("change:selected", follow);
    URL.revokeObjectURL(url);
  };
}

export default { render };
