// The outline of the countries for maps, made at build time from Natural Earth (public domain): simplified, projected
// (Mercator), written as two paths of whole numbers in a square of SIZE. No library for maps is needed at run time, and
// no tiles from anywhere.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { merge, mesh } from 'topojson-client';
import { filter, filterWeight, presimplify, simplify } from 'topojson-simplify';

const SIZE = 16384;
const LEAST = 0.015; // square degrees: a bend that spans less is left out, and so is an island of a tenth of that
const ID = 'virtual:outline';

const x = (lng) => Math.round(((lng + 180) / 360) * SIZE);
const y = (lat) => {
  const s = Math.sin((Math.max(-84, Math.min(84, lat)) * Math.PI) / 180);
  return Math.round((0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)) * SIZE);
};
/** Beyond 180 degrees it goes on instead of jumping to the other side. */
function unwrapped(points) {
  let turn = 0;
  return points.map(([lng, lat], i) => {
    const before = i ? points[i - 1][0] : lng;
    if (lng - before > 180) turn -= 360; else if (lng - before < -180) turn += 360;
    return [lng + turn, lat];
  });
}
/** What crosses the date line is drawn at both edges of the map; the page cuts it off there. What goes all around a pole is
 * closed below the map. */
function both(points, closed) {
  let p = unwrapped(points);
  const [first, last] = [p[0], p[p.length - 1]];
  const around = closed && Math.abs(last[0] - first[0]) > 180;
  if (around) p = [...p, [last[0], -90], [first[0], -90]];
  const lngs = p.map(([lng]) => lng), east = Math.max(...lngs), west = Math.min(...lngs);
  const shifted = (by) => line(p.map(([lng, lat]) => [lng + by, lat]), closed);
  return shifted(0) + (east > 180 || around ? shifted(-360) : '') + (west < -180 || around ? shifted(360) : '');
}
/** M x,y and then steps; a step of nothing is left out. */
function line(points, closed) {
  let out = '', px = 0, py = 0;
  points.forEach(([lng, lat], i) => {
    const nx = x(lng), ny = y(lat);
    if (i === 0) out += `M${nx},${ny}l`;
    else if (nx !== px || ny !== py) out += `${nx - px},${ny - py} `;
    px = nx;
    py = ny;
  });
  return out.trimEnd() + (closed ? 'z' : '');
}

export function outline() {
  const require = createRequire(import.meta.url);
  const world = JSON.parse(readFileSync(require.resolve('world-atlas/countries-50m.json'), 'utf8'));
  const light = simplify(presimplify(world), LEAST);
  const kept = filter(light, filterWeight(light, LEAST / 10));
  const land = merge(kept, kept.objects.countries.geometries).coordinates.flatMap((rings) => rings.map((r) => both(r, true))).join('');
  const borders = mesh(kept, kept.objects.countries, (a, b) => a !== b).coordinates.map((l) => both(l, false)).join('');
  return { size: SIZE, land, borders };
}

export const outlinePlugin = () => ({
  name: 'outline',
  resolveId: (id) => (id === ID ? '\0' + ID : null),
  load: (id) => (id === '\0' + ID ? `export default ${JSON.stringify(outline())}` : null),
});
