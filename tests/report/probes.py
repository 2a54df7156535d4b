"""Scripts that ask an open page what it looks like; each returns plain values."""

# Of every piece of text that is seen: what it says, its size on the screen, its colour and the colour behind it.
TEXTS = """
const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)') return colour;
  }
  return 'none';
};
while (walker.nextNode()) {
  const node = walker.currentNode, element = node.parentElement, range = document.createRange();
  range.selectNodeContents(node);
  if (!node.data.trim() || element.closest('.unseen') || !range.getClientRects().length) continue;
  const style = getComputedStyle(element), drawn = element.closest('svg');
  const matrix = drawn ? element.getScreenCTM() : null;
  const scale = matrix ? Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c)) : 1;
  found.push({text: node.data.trim(), size: parseFloat(style.fontSize) * scale,
              colour: drawn ? style.fill : style.color, behind: behind(drawn || element),
              place: element.closest('nav') ? 'nav' : drawn ? 'drawing' : 'page'});
}
return found;
"""

# Pairs of texts of one drawing that run into each other, and texts that leave their drawing. Boxes turn with their
# text, and are lower than the line, since letters do not fill it.
COLLISIONS = """
const corners = (text) => {
  const box = text.getBBox(), m = text.getScreenCTM();
  const top = box.y + 0.15 * box.height, bottom = box.y + 0.85 * box.height;
  return [[box.x, top], [box.x + box.width, top], [box.x + box.width, bottom], [box.x, bottom]]
    .map(([x, y]) => [m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f]);
};
const apart = (one, other) => [one, other].some((box) => [0, 1].some((side) => {
  const axis = [box[side + 1][0] - box[side][0], box[side + 1][1] - box[side][1]];
  const shadow = (points) => points.map((p) => p[0] * axis[0] + p[1] * axis[1]);
  const a = shadow(one), b = shadow(other);
  return Math.max(...a) <= Math.min(...b) || Math.max(...b) <= Math.min(...a);
}));
const found = [];
for (const svg of document.querySelectorAll('svg')) {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].map((text) => [text.textContent, corners(text)]);
  boxes.forEach(([text, box], place) => {
    if (box.some(([x, y]) => x < frame.left - 4 || x > frame.right + 4 || y < frame.top - 4 || y > frame.bottom + 4))
      found.push(`${svg.getAttribute('aria-label')}: ${text} leaves the drawing`);
    for (const [other, second] of boxes.slice(0, place))
      if (!apart(box, second)) found.push(`${svg.getAttribute('aria-label')}: ${other} | ${text}`);
  });
}
return found;
"""

# What is wider than the window, other than what scrolls inside a box of its own.
TOO_WIDE = """
const wide = document.documentElement.scrollWidth > innerWidth ? ['the document'] : [];
for (const element of document.body.querySelectorAll('*')) {
  const own = element.closest('.scroll');
  if (own && own !== element && !arguments[0]) continue;
  if (element.closest('svg') && element.tagName !== 'svg') continue;
  if (element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.unseen'))
    wide.push(`${element.tagName}: ${element.textContent.slice(0, 40)}`);
}
return wide;
"""

# What stands in the page for those who do not see it.
STRUCTURE = """
const all = (selector) => [...document.querySelectorAll(selector)];
return {
  headings: all('h1, h2, h3, h4').map((heading) => Number(heading.tagName[1])),
  drawings: all('svg').map((svg) => [svg.getAttribute('role'), svg.getAttribute('aria-label')]),
  tables: all('table').map((table) => ({
    caption: table.caption ? table.caption.textContent : '',
    scopes: [...table.querySelectorAll('th')].map((th) => th.getAttribute('scope')),
    rows: [...table.tBodies[0].rows].map((row) => row.cells[0].tagName),
  })),
  boxes: all('.scroll').map((box) => [box.tabIndex, box.getAttribute('role'), box.getAttribute('aria-label')]),
  landmarks: ['header', 'nav', 'main'].map((name) => all(name).length),
  language: document.documentElement.lang,
};
"""

# Of every drawing: its name, its words, and the colours of series in it.
COLOURS = """
const root = getComputedStyle(document.documentElement);
const named = new Map([1, 2, 3, 4, 5, 6].map((n) => [root.getPropertyValue(`--series-${n}`).trim(), n]));
const pair = (n) => Number(n).toString(16).padStart(2, '0');
const hex = (rgb) => '#' + (rgb.match(/\\d+/g) || []).slice(0, 3).map(pair).join('');
return [...document.querySelectorAll('svg')].map((svg) => {
  const seen = new Set();
  for (const shape of svg.querySelectorAll('path, use')) {
    const style = getComputedStyle(shape);
    for (const colour of [style.stroke, style.fill]) if (named.has(hex(colour))) seen.add(named.get(hex(colour)));
  }
  return {name: svg.getAttribute('aria-label'), colours: seen.size,
          words: [...svg.querySelectorAll('text')].map((text) => text.textContent).join(' ')};
});
"""
