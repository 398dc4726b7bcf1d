// The matrix of a step: an ARIA grid, rows from, columns to:port. Only the cells in view exist once there are many.

const MOST_WHOLE = 5000; // cells that are drawn at once
const CHUNK = 8; // rows and columns that come into being together, so that scrolling by a pixel builds nothing
const SIZES = [10, 12, 14, 17, 20, 24, 30];

function columnHead({ name, plane }, before) {
  const apart = !before || before.name.split("/")[0] !== name.split("/")[0];
  return el("th", { scope: "col", role: "columnheader", class: apart ? "apart" : null, title: `${name}:${plane.name}` },
    el("span", { class: "turned" }, endpoint(name), el("span", { class: "port" }, `:${plane.name}`)));
}

function matrix(step) {
  let whole = axes(step);
  let shown = whole;
  let view = VIEWS.difference;
  let size = SIZES.indexOf(whole.columns.length > 80 ? 17 : whole.columns.length > 40 ? 14 : whole.columns.length > 24 ? 17 : 24);
  let at = { row: 0, column: 0 };
  let window_ = null;

  const head = el("thead");
  const body = el("tbody");
  const table = el("table", { role: "grid", class: "matrix", "aria-label": `Matrix of step ${step.name}: rows from, columns to` }, head, body);
  const scroller = el("div", { class: "scroller" }, table);
  const readout = el("p", { class: "readout", "aria-hidden": "true" });
  const legend = el("ul", { class: "legend", "aria-label": "Legend" });
  const remark = el("p", { class: "faint remark", hidden: true });

  const longest = Math.max(...whole.columns.map(({ name, plane }) => name.length + plane.name.length + 1), 4);
  const widest = Math.max(...whole.rows.map((name) => name.length), 4);
  table.style.setProperty("--turned", `${Math.min(longest, 30)}`);
  table.style.setProperty("--names", `${Math.min(widest, 26)}`);

  const cellSize = () => SIZES[size];
  const indexAt = (row, column) => shown.cells[row * shown.columns.length + column];

  // The part of the matrix that is, or is about to be, in view: all of it where it is small.
  function visible(everything) {
    const { rows, columns } = shown;
    if (everything || rows.length * columns.length <= MOST_WHOLE) return { top: 0, bottom: rows.length, left: 0, right: columns.length };
    const edge = cellSize();
    const wide = scroller.clientWidth || 1000;
    const high = scroller.clientHeight || 700;
    const before = (scrolled) => Math.max(0, Math.floor(scrolled / edge / CHUNK) * CHUNK);
    const after = (scrolled, seen, most) => Math.min(most, Math.ceil((scrolled + seen) / edge / CHUNK) * CHUNK);
    return {
      left: before(scroller.scrollLeft),
      top: before(scroller.scrollTop),
      right: after(scroller.scrollLeft, wide, columns.length),
      bottom: after(scroller.scrollTop, high, rows.length),
    };
  }

  const gap = (width) => width > 0 && el("td", { role: "presentation", class: "gap", css: { width: `${width}px`, "min-width": `${width}px` } });
  const filler = () => el("tr", { role: "presentation" }, el("td", { role: "presentation" }));
  const above = filler();
  const below = filler();
  const built = new Map(); // row -> its element, all of them for the same columns

  function draw({ everything = false, anew = true } = {}) {
    const next = visible(everything);
    if (!anew && window_ && Object.keys(next).every((key) => next[key] === window_[key])) return;
    const hadFocus = table.contains(document.activeElement);
    if (anew || !window_ || next.left !== window_.left || next.right !== window_.right) start(next);
    window_ = next;
    const edge = cellSize();
    for (const [row, element] of built) {
      if (row >= next.top && row < next.bottom) continue;
      element.remove();
      built.delete(row);
    }
    let following = above.nextSibling;
    for (let row = next.top; row < next.bottom; row++) {
      if (built.has(row)) following = built.get(row).nextSibling;
      else {
        built.set(row, line(row, next));
        body.insertBefore(built.get(row), following);
      }
    }
    above.style.height = `${next.top * edge}px`;
    above.hidden = next.top === 0;
    below.style.height = `${(shown.rows.length - next.bottom) * edge}px`;
    below.hidden = next.bottom === shown.rows.length;
    const focused = cellAt(at.row, at.column) || body.querySelector("td[role=gridcell]");
    if (focused) focused.tabIndex = 0;
    if (hadFocus && focused) focused.focus({ preventScroll: true });
  }

  // Begins anew: other columns, another size, or other rows.
  function start(next) {
    const { rows, columns } = shown;
    const edge = cellSize();
    built.clear();
    body.replaceChildren(above, below);
    table.style.setProperty("--cell", `${edge}px`);
    table.classList.toggle("dense", edge < 14);
    table.setAttribute("aria-rowcount", rows.length + 1);
    table.setAttribute("aria-colcount", columns.length + 1);
    head.replaceChildren(el("tr", { role: "row", "aria-rowindex": 1 },
      el("th", { class: "corner", role: "columnheader" }, el("span", {}, "from ↓ to →")),
      gap(next.left * edge),
      columns.slice(next.left, next.right).map((column, offset) => dress(columnHead(column, columns[next.left + offset - 1]), { "aria-colindex": next.left + offset + 2 }, [])),
      gap((columns.length - next.right) * edge)));
  }

  // The same cells in another view, or under other filters: nothing moves, so nothing is built.
  function restyle() {
    for (const [row, element] of built) {
      let column = window_.left;
      for (const cell of element.cells) if (cell.getAttribute("role") === "gridcell") style(cell, row, column++);
    }
  }

  function style(cell, row, column) {
    const index = indexAt(row, column);
    if (index < 0) return cell.setAttribute("aria-label", "no such flow");
    const { columns } = shown;
    const mark = view.mark(faces[step.faces[index]]);
    const dim = step.passes && !step.passes[index] ? " dim" : "";
    const chosen = cell.classList.contains("chosen") ? " chosen" : "";
    const edge = column > 0 && columns[column - 1].name.split("/")[0] !== columns[column].name.split("/")[0] ? " apart" : "";
    const name = mark.kind + dim + edge + chosen;
    if (cell.className !== name) cell.className = name;
    if (cell.textContent !== mark.mark) cell.textContent = mark.mark;
    cell.setAttribute("aria-label", mark.label);
  }

  function line(row, { left, right }) {
    const { rows, columns } = shown;
    const apart = row > 0 && rows[row - 1].split("/")[0] !== rows[row].split("/")[0];
    const cells = [];
    for (let column = left; column < right; column++) {
      const cell = document.createElement("td");
      cell.setAttribute("role", "gridcell");
      cell.setAttribute("aria-colindex", column + 2);
      cell.tabIndex = -1;
      style(cell, row, column);
      cells.push(cell);
    }
    return el("tr", { role: "row", "aria-rowindex": row + 2, class: apart ? "apart" : null },
      el("th", { scope: "row", role: "rowheader", "aria-colindex": 1, title: rows[row] }, endpoint(rows[row])),
      gap(left * cellSize()), cells, gap((columns.length - right) * cellSize()));
  }

  function cellAt(row, column) {
    if (!window_ || row < window_.top || row >= window_.bottom || column < window_.left || column >= window_.right) return null;
    return built.get(row)?.cells[column - window_.left + 1 + (window_.left > 0)] || null;
  }

  function placeOf(cell) {
    return { row: cell.parentElement.sectionRowIndex - 1 + window_.top, column: cell.cellIndex - 1 - (window_.left > 0) + window_.left };
  }

  // Brings a cell into the part that scrolls, clear of the headers that do not.
  function reveal(row, column) {
    const edge = cellSize();
    const headWidth = head.rows[0].cells[0].offsetWidth;
    const headHeight = head.offsetHeight;
    const x = column * edge;
    const y = row * edge;
    if (x < scroller.scrollLeft) scroller.scrollLeft = x;
    else if (x + edge > scroller.scrollLeft + scroller.clientWidth - headWidth) scroller.scrollLeft = x + edge - scroller.clientWidth + headWidth;
    if (y < scroller.scrollTop) scroller.scrollTop = y;
    else if (y + edge > scroller.scrollTop + scroller.clientHeight - headHeight) scroller.scrollTop = y + edge - scroller.clientHeight + headHeight;
  }

  function move(row, column, { focus = true } = {}) {
    const before = cellAt(at.row, at.column);
    if (before) before.tabIndex = -1;
    at = { row: Math.max(0, Math.min(shown.rows.length - 1, row)), column: Math.max(0, Math.min(shown.columns.length - 1, column)) };
    reveal(at.row, at.column);
    draw({ anew: false });
    const cell = cellAt(at.row, at.column);
    if (!cell) return;
    cell.tabIndex = 0;
    if (focus) cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function point(row, column) {
    table.querySelectorAll("th.pointed").forEach((header) => header.classList.remove("pointed"));
    const cell = cellAt(row, column);
    if (!cell) return;
    cell.parentElement.cells[0].classList.add("pointed");
    head.rows[0].cells[cell.cellIndex]?.classList.add("pointed");
    const index = indexAt(row, column);
    if (index < 0) return readout.replaceChildren(`${shown.rows[row]} → ${shown.columns[column].name}: no such flow`);
    const flow = flowAt(step, index);
    readout.replaceChildren(badge(flow.verdict), el("b", {}, flow.name), " ", el("span", {}, flow.why));
    if (panel.isOpen && panel.step === step) show(row, column);
  }

  function show(row, column) {
    const index = indexAt(row, column);
    if (index < 0) return;
    table.querySelectorAll("td.chosen").forEach((cell) => cell.classList.remove("chosen"));
    const cell = cellAt(row, column);
    cell?.classList.add("chosen");
    panel.step = step;
    panel.show(flowAt(step, index), () => {
      table.querySelectorAll("td.chosen").forEach((cell) => cell.classList.remove("chosen"));
      (cellAt(at.row, at.column) || scroller).focus({ preventScroll: true });
    });
    if (cell) panel.uncover(cell);
  }

  const KEYS = {
    ArrowUp: () => [at.row - 1, at.column],
    ArrowDown: () => [at.row + 1, at.column],
    ArrowLeft: () => [at.row, at.column - 1],
    ArrowRight: () => [at.row, at.column + 1],
    PageUp: () => [at.row - 10, at.column],
    PageDown: () => [at.row + 10, at.column],
    Home: (event) => [event.ctrlKey ? 0 : at.row, 0],
    End: (event) => [event.ctrlKey ? shown.rows.length - 1 : at.row, shown.columns.length - 1],
    n: () => wrongAfter(1),
    p: () => wrongAfter(-1),
  };

  // The next cell with a finding, in reading order and around.
  function wrongAfter(direction) {
    const cells = shown.cells.length;
    const start = at.row * shown.columns.length + at.column;
    for (let hop = 1; hop <= cells; hop++) {
      const spot = (start + direction * hop + cells * 2) % cells;
      const index = shown.cells[spot];
      if (index >= 0 && WRONG.has(VERDICTS[verdictOfFace[step.faces[index]]])) return [Math.floor(spot / shown.columns.length), spot % shown.columns.length];
    }
    return [at.row, at.column];
  }

  table.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      show(at.row, at.column);
      if (event.key === "Enter" && event.shiftKey) panel.focus();
    } else if (event.key === "Escape") panel.hide();
    else if (KEYS[event.key]) {
      event.preventDefault();
      move(...KEYS[event.key](event));
    }
  });
  const cellOf = (event) => event.target.closest("td[role=gridcell]");
  table.addEventListener("focusin", (event) => {
    const cell = cellOf(event);
    if (!cell) return;
    at = placeOf(cell);
    point(at.row, at.column);
  });
  table.addEventListener("pointerover", (event) => {
    const cell = cellOf(event);
    if (!cell || event.pointerType === "touch") return;
    const { row, column } = placeOf(cell);
    // A pointer that passes over must not change what somebody reads in the panel.
    const open = panel.isOpen;
    const step_ = panel.step;
    if (open) panel.step = null;
    point(row, column);
    if (open) panel.step = step_;
  });
  table.addEventListener("click", (event) => {
    const cell = cellOf(event);
    if (!cell) return;
    const { row, column } = placeOf(cell);
    move(row, column);
    show(row, column);
  });
  let pending = 0;
  scroller.addEventListener("scroll", () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => draw({ anew: false }));
  });

  function relegend() {
    const used = new Map();
    const sorted = [...new Set(step.faces)].sort((one, other) => verdictOfFace[one] - verdictOfFace[other]);
    for (const face of sorted) {
      const mark = view.mark(faces[face]);
      used.set(mark.label, mark);
    }
    legend.replaceChildren(...[...used.values()].map((mark) => el("li", {}, sample(mark), " ", mark.label)));
  }

  const views = el("div", { class: "switch", role: "radiogroup", "aria-label": "What the matrix shows" },
    Object.values(VIEWS).map((each) => {
      const radio = el("input", { type: "radio", name: `view-${step.id}`, checked: each === view });
      radio.addEventListener("change", () => {
        view = each;
        restyle();
        relegend();
      });
      return el("label", { title: each.about }, radio, el("span", {}, each.title));
    }));
  const zoom = (by, sign, label) =>
    el("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: () => {
      size = Math.max(0, Math.min(SIZES.length - 1, size + by));
      draw();
    } }, sign);
  const only = whole.rows.length * whole.columns.length > 64 && [...step.faces].some((face) => WRONG.has(VERDICTS[verdictOfFace[face]])) &&
    el("label", { class: "check" }, el("input", { type: "checkbox", onchange: (event) => {
      shown = event.target.checked ? narrowed(whole, step) : whole;
      at = { row: 0, column: 0 };
      remark.hidden = !event.target.checked;
      remark.textContent = `Left out: ${plural(whole.rows.length - shown.rows.length, "row")} and ${plural(whole.columns.length - shown.columns.length, "column")} with nothing wrong.`;
      draw();
    } }), "Only rows and columns with a finding");

  const element = el("div", { class: "matrix-box" },
    el("div", { class: "controls" }, views, only, el("span", { class: "zoom", role: "group", "aria-label": "Size" }, zoom(-1, "−", "Smaller cells"), zoom(1, "+", "Larger cells"))),
    readout, scroller, remark, legend,
    el("p", { class: "faint keys" }, "Arrow keys move, n and p go to the next and previous finding, Enter opens the evidence, Esc closes it."));
  readout.textContent = "Point at a cell, or tap one, for the evidence of its flow.";
  draw();
  relegend();

  function open(index) {
    if (shown !== whole && !shown.cells.includes(index)) shown = whole;
    const spot = shown.cells.indexOf(index);
    move(Math.floor(spot / shown.columns.length), spot % shown.columns.length);
    show(at.row, at.column);
  }

  // On paper nothing scrolls: everything, or where that is too wide, what is wrong.
  let kept = null;
  function print(isPrinting) {
    if (isPrinting) {
      kept = { shown, size };
      if (whole.columns.length > 110 || whole.rows.length > 150) shown = narrowed(whole, step);
      // An A4 page that lies on its side has about 1000 CSS pixels between its margins.
      const fits = (1000 - 7 * Math.min(widest, 26)) / Math.max(1, shown.columns.length);
      size = Math.max(0, SIZES.findLastIndex((each) => each <= fits));
    } else if (kept) ({ shown, size } = kept);
    draw({ everything: isPrinting });
  }

  return { element, restyle, open, print };
}
