// As much of a browser as viewer.html needs: runs its script for one frame and prints the polygons that it paints, as JSON.
"use strict";
const page = require("fs").readFileSync(process.argv[2], "utf8");
const polygons = [];
let path = [];
const pen = {
  beginPath() { path = []; },
  moveTo(x, y) { path.push([x, y]); },
  lineTo(x, y) { path.push([x, y]); },
  closePath() {},
  fill() { polygons.push({ points: path, fill: this.fillStyle }); },
  stroke() {},
  fillRect() {},
};
const element = () => ({ addEventListener() {}, getContext: () => pen, clientWidth: 640, clientHeight: 480, value: 1 });
globalThis.window = {};
globalThis.document = { elements: {}, addEventListener() {}, querySelector(name) { return this.elements[name] ??= element(); } };
let tick;
globalThis.requestAnimationFrame = callback => { tick = callback; };
new Function(page.match(/<script>([^]*)<\/script>/)[1])();
tick(0);
console.log(JSON.stringify({ polygons, title: document.title, shown: document.elements.output.textContent }));
