// Conditions on runs: text, key=pattern, key!=pattern, key>number ...
const odd = (value) => Object.keys(ODD).find((name) => Object.is(ODD[name], value));
const CONDITION = /^([^=<>!~]+)(!=|>=|<=|=|>|<)(.*)$/;
const OWN = {
  __proto__: null,
  run: (r) => r.name, paper: (r) => r.paper, experiment: (r) => r.experiment.split("/").slice(1).join("/") || r.experiment,
  status: (r) => r.status, seed: (r) => r.seed, seconds: (r) => r.seconds,
};
const ALL_NAMES = [...Object.keys(OWN), ...data.keys, ...Object.keys(data.constant), ...data.metrics];

function resolveName(key) {
  if (ALL_NAMES.includes(key)) return key;
  const ends = ALL_NAMES.filter((name) => name.endsWith(`.${key}`) || name.endsWith(`/${key}`));
  const near = ends.filter((name) => !name.includes(": "));
  const depth = (name) => name.split(/[./]/).length;
  const pool = near.length ? near : ends;
  const least = Math.min(...pool.map(depth));
  const best = pool.filter((name) => depth(name) === least);
  if (best.length === 1) return best[0];
  throw new Error(best.length ? `“${key}” may be ${best.slice(0, 6).join(", ")}: write more of the name` : `no run has a “${key}”`);
}

function valueOf(run, name) {
  if (OWN[name]) return OWN[name](data.runs[run]);
  if (keyPlace.has(name) || name in data.constant) return configValue(run, name);
  return metricValue(run, name);
}

function pattern(text) {
  const escaped = text.toLowerCase().replace(/[.+^${}()|\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
  try { return new RegExp(`^${escaped}$`, "s"); } catch { return new RegExp(`^${escaped.replace(/[[\]]/g, "\\$&")}$`, "s"); }
}

function condition(word) {
  const found = CONDITION.exec(word);
  if (!found) {
    const text = word.toLowerCase();
    return (run) => searchable(run).includes(text);
  }
  const name = resolveName(found[1].trim());
  const [, , sign, raw] = found;
  const wanted = raw.trim();
  const number = Number(wanted);
  if (sign !== "=" && sign !== "!=") {
    if (wanted === "" || Number.isNaN(number)) throw new Error(`after “${found[1]}${sign}” stands a number`);
    const holds = { ">": (a) => a > number, "<": (a) => a < number, ">=": (a) => a >= number, "<=": (a) => a <= number }[sign];
    return (run) => { const value = valueOf(run, name); return typeof value === "number" && holds(value); };
  }
  const shape = pattern(wanted);
  const same = (run) => {
    // an experiment with its paper, as it is shown, or without
    const value = name === "experiment" && wanted.includes("/") ? data.runs[run].experiment : valueOf(run, name);
    if (typeof value === "number" && wanted !== "" && !Number.isNaN(number)) return value === number;
    return shape.test(String(odd(value) || (value === undefined ? null : value)).toLowerCase());
  };
  return sign === "=" ? same : (run) => !same(run);
}

const texts = new Map();
function pathOf(href) {
  try { return decodeURIComponent(href); } catch { return href; } // a name that is not UTF-8
}
function searchable(run) {
  if (!texts.has(run)) {
    const r = data.runs[run];
    texts.set(run, [pathOf(r.href), r.experiment, r.status, ...r.overrides].join(" ").toLowerCase());
  }
  return texts.get(run);
}

// the places of the runs that hold every condition; throws an Error that says what a word should be
function matching(text) {
  const tests = text.replace(/\s*(!=|>=|<=|=|>|<)\s*/g, "$1").trim().split(/\s+/).filter(Boolean).map(condition);
  return data.runs.map((_, i) => i).filter((i) => tests.every((test) => test(i)));
}
