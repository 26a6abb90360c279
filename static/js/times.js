// <reader-time datetime="…Z">: show an instant in the reader's own zone. Fragments are drawn once for many readers,
// so only the browser can choose. data-show: time, seconds, both or stamp. With data-beside="Europe/Berlin" it stays
// empty unless the reader's wall clock differs from the train's.

const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const formats = new Map();

function format(zone) {
  if (!formats.has(zone)) {
    const options = {
      weekday: "short", day: "numeric", month: "short", year: "numeric",
      hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "shortOffset",
    };
    try {
      formats.set(zone, new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone }));
    } catch {
      formats.set(zone, new Intl.DateTimeFormat("en-GB", { ...options, timeZone: own })); // an unknown zone
    }
  }
  return formats.get(zone);
}

function parts(at, zone) {
  const found = Object.fromEntries(format(zone).formatToParts(at).map((part) => [part.type, part.value]));
  const { weekday, day, month, year, hour, minute, second, timeZoneName } = found;
  return {
    day: `${weekday} ${day} ${month}`,
    weekday,
    year,
    time: `${hour}:${minute}`,
    seconds: `${hour}:${minute}:${second}`,
    offset: timeZoneName.replace(/^GMT/, "UTC").replace(/^UTC[+-]0$/, "UTC").replace("-", "−"),
  };
}

function stamp(at, zone) {
  const there = parts(at, zone);
  const city = zone.split("/").pop().replaceAll("_", " ");
  const where = city === there.offset ? city : `${city} (${there.offset})`;
  return `${there.day} ${there.year}, ${there.time} ${where}`;
}

class ReaderTime extends HTMLElement {
  connectedCallback() {
    const at = new Date(this.getAttribute("datetime"));
    if (Number.isNaN(at.getTime())) return;
    const zone = document.documentElement.dataset.zone || own;
    const here = parts(at, zone);
    const { beside, show } = this.dataset;
    if (beside) {
      const there = parts(at, beside);
      const same = there.day === here.day && there.time === here.time;
      this.textContent = same ? "" : `${there.day === here.day ? "" : `${here.weekday} `}${here.time} for you`;
      return;
    }
    const element = this.firstElementChild ?? this;
    element.textContent = { time: here.time, seconds: here.seconds, both: `${here.day}, ${here.time}` }[show] ?? stamp(at, zone);
    element.title = stamp(at, zone);
  }
}

customElements.define("reader-time", ReaderTime);
