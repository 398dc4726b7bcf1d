// The axes of a step's matrix, whole or narrowed to what is wrong.

// What the axes of a step are, found once: rows and columns in the order of the step, a destination's ports together.
function axes(step) {
  if (step.axes) return step.axes;
  const rows = new Map();
  const columns = new Map();
  for (let index = 0; index < step.count; index++) {
    const source = step.sources[index];
    if (!rows.has(source)) rows.set(source, rows.size);
    const key = step.destinations[index] * planes.length + step.planes[index];
    if (!columns.has(key)) columns.set(key, columns.size);
  }
  const order = new Map();
  for (const key of columns.keys()) {
    const destination = Math.floor(key / planes.length);
    if (!order.has(destination)) order.set(destination, order.size);
  }
  const sorted = [...columns.keys()].sort((one, other) =>
    order.get(Math.floor(one / planes.length)) - order.get(Math.floor(other / planes.length)) || columns.get(one) - columns.get(other));
  sorted.forEach((key, position) => columns.set(key, position));
  const cells = new Int32Array(rows.size * sorted.length).fill(-1);
  for (let index = 0; index < step.count; index++) {
    const key = step.destinations[index] * planes.length + step.planes[index];
    cells[rows.get(step.sources[index]) * sorted.length + columns.get(key)] = index;
  }
  step.axes = {
    rows: [...rows.keys()].map(text),
    columns: sorted.map((key) => ({ name: text(Math.floor(key / planes.length)), plane: planes[key % planes.length] })),
    cells,
  };
  return step.axes;
}

// Rows and columns that hold something wrong: what is left of a matrix that is too wide for paper, or for patience.
function narrowed({ rows, columns, cells }, step) {
  const keptRows = new Set();
  const keptColumns = new Set();
  cells.forEach((index, at) => {
    if (index < 0 || (!WRONG.has(VERDICTS[verdictOfFace[step.faces[index]]]))) return;
    keptRows.add(Math.floor(at / columns.length));
    keptColumns.add(at % columns.length);
  });
  const across = [...keptColumns].sort((one, other) => one - other);
  const down = [...keptRows].sort((one, other) => one - other);
  return {
    rows: down.map((row) => rows[row]),
    columns: across.map((column) => columns[column]),
    cells: Int32Array.from(down.flatMap((row) => across.map((column) => cells[row * columns.length + column]))),
  };
}
