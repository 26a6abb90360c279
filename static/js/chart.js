// <live-chart id="chart-KEY">: candidate against baseline. The server draws the first paint (web/templatetags/charts.py);
// from then on only points arrive:
//
//   document.dispatchEvent(new CustomEvent("chart:points", { detail: { chart: KEY, points: [[seconds, candidate, baseline]] } }))
//
// A missing value is null. Points outlive their element, so a fragment that is swapped in goes on where the old one was.

const WIDTH = 1000;
const HEIGHT = 100;
const kept = new Map();

function merge(id, points, span) {
  const known = kept.get(id) ?? [];
  const last = known.length ? known.at(-1)[0] : -Infinity;
  let all = known;
  if (points.every((point) => point[0] > last)) all.push(...points);
  else all = [...new Map([...known, ...points].map((point) => [point[0], point])).values()].sort((a, b) => a[0] - b[0]);
  const start = (all.length ? all.at(-1)[0] : 0) - span;
  const first = all.findIndex((point) => point[0] >= start);
  if (first > 0) all.splice(0, first);
  kept.set(id, all);
  return all;
}

function ceiling(top) {
  if (top <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 2.5, 4, 5, 10].map((step) => step * power).find((step) => step >= top * 0.999999);
}

const tickFormat = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 3 });
const fineFormat = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const wholeFormat = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

function figure(value, unit) {
  if (value == null) return "–";
  const number = (unit === "%" || value < 10 ? fineFormat : wholeFormat).format(value);
  return unit ? `${number} ${unit}` : number;
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

class LiveChart extends HTMLElement {
  static visible = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      target.seen = isIntersecting;
      if (isIntersecting) target.ask();
    }
  });

  seen = true;
  due = 0;

  connectedCallback() {
    this.unit = this.dataset.unit;
    this.span = Number(this.dataset.window) || 600;
    this.threshold = this.dataset.threshold ? Number(this.dataset.threshold) : null;
    const find = (name) => this.querySelector(name);
    this.plot = find("svg.plot");
    this.lines = { candidate: find(".plot .line-candidate"), baseline: find(".plot .line-baseline"), dot: find(".dot-candidate") };
    this.limit = { line: find(".plot .line-threshold"), area: find(".over") };
    this.axis = this.querySelectorAll("[data-axis] span");
    this.words = { candidate: find('[data-value="candidate"]'), baseline: find('[data-value="baseline"]'), now: find("[data-now]") };
    this.points = merge(this.id, JSON.parse(this.dataset.points || "[]"), this.span);
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => this.point(null));
    LiveChart.visible.observe(this);
    this.draw();
  }

  disconnectedCallback() {
    LiveChart.visible.unobserve(this);
    cancelAnimationFrame(this.due);
    this.due = 0;
  }

  push(points) {
    this.points = merge(this.id, points, this.span);
    this.ask();
  }

  // Hidden pages get no animation frames, and a chart out of sight waits until it is seen
  ask() {
    if (this.seen && !this.due) {
      this.due = requestAnimationFrame(() => {
        this.due = 0;
        this.draw();
      });
    }
  }

  draw() {
    const { points, span } = this;
    if (!points.length) return;
    const end = points.at(-1)[0];
    let highest = this.threshold ?? 0;
    for (const [, candidate, baseline] of points) highest = Math.max(highest, candidate ?? 0, baseline ?? 0);
    const top = ceiling(highest * 1.05);
    const x = (at) => Math.round(((at - end) / span + 1) * WIDTH);
    const y = (value) => Math.round((1 - Math.min(value / top, 1)) * HEIGHT * 10) / 10;
    const path = (arm) => {
      const line = [];
      let pen = "M";
      for (const point of points) {
        if (point[arm] == null) {
          pen = "M";
          continue;
        }
        line.push(pen, x(point[0]), " ", y(point[arm]));
        pen = "L";
      }
      return line.join("");
    };
    this.lines.candidate.setAttribute("d", path(1));
    this.lines.baseline.setAttribute("d", path(2));
    const last = points.findLast((point) => point[1] != null);
    this.lines.dot.setAttribute("d", last ? `M${x(last[0])} ${y(last[1])}h0` : "");
    if (this.limit.line) {
      this.limit.line.setAttribute("d", `M0 ${y(this.threshold)}H${WIDTH}`);
      const isBelow = this.dataset.bad === "below";
      this.limit.area?.setAttribute("y", isBelow ? y(this.threshold) : 0);
      this.limit.area?.setAttribute("height", isBelow ? HEIGHT - y(this.threshold) : y(this.threshold));
    }
    [top, top / 2, 0].forEach((tick, index) => write(this.axis[index], tickFormat.format(tick)));
    if (!this.cursor) this.say(last, points.findLast((point) => point[2] != null), "now");
  }

  say(candidate, baseline, when) {
    write(this.words.candidate, figure(candidate?.[1], this.unit));
    write(this.words.baseline, figure(baseline?.[2], this.unit));
    write(this.words.now, when);
  }

  // Under the pointer, the legend says the values of that moment
  point(event) {
    if (!event) {
      this.cursor?.remove();
      this.cursor = null;
      this.draw();
      return;
    }
    if (!this.points.length) return;
    const box = this.plot.getBoundingClientRect();
    const end = this.points.at(-1)[0];
    const at = end - this.span * (1 - (event.clientX - box.left) / box.width);
    const nearest = this.points.reduce((best, point) => (Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best));
    if (!this.cursor) {
      this.cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
      this.cursor.setAttribute("class", "line-cursor");
      this.plot.append(this.cursor);
    }
    this.cursor.setAttribute("d", `M${((nearest[0] - end) / this.span + 1) * WIDTH} 0V${HEIGHT}`);
    const ago = Math.round(end - nearest[0]);
    this.say(nearest, nearest, ago ? `${ago} s before` : "now");
  }
}

document.addEventListener("chart:points", ({ detail }) => {
  const id = `chart-${detail.chart}`;
  const element = document.getElementById(id);
  if (element?.push) element.push(detail.points);
  else merge(id, detail.points, 600);
});

customElements.define("live-chart", LiveChart);
