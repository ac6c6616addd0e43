// Web Mercator without a library: the world is the square from 0 to 1, a view is its middle and how many pixels it has.
export interface View { x: number; y: number; zoom: number }
export interface Box { south: number; north: number; west: number; east: number }

export const LEAST_ZOOM = 0.5, MOST_ZOOM = 14;
export const worldSize = (zoom: number) => 256 * 2 ** zoom;
export const toX = (lng: number) => (lng + 180) / 360;
export const toY = (lat: number) => { const s = Math.sin((Math.max(-85, Math.min(85, lat)) * Math.PI) / 180); return 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI); };
export const toLng = (x: number) => x * 360 - 180;
export const toLat = (y: number) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
const clamp = (v: number, least: number, most: number) => Math.min(most, Math.max(least, v));

export const inside = (v: View): View => ({ x: clamp(v.x, 0, 1), y: clamp(v.y, 0, 1), zoom: clamp(v.zoom, LEAST_ZOOM, MOST_ZOOM) });
/** The view that shows all of a box, with some room around it. */
export function fit(b: Box, w: number, h: number): View {
  const [x1, x2, y1, y2] = [toX(b.west), toX(b.east), toY(b.north), toY(b.south)];
  const zoom = Math.log2(Math.min(w / Math.max(1e-5, x2 - x1), h / Math.max(1e-5, y2 - y1)) / 256) - 0.35;
  return inside({ x: (x1 + x2) / 2, y: (y1 + y2) / 2, zoom: Math.min(11, zoom) });
}
/** Zoom by steps with one point of the picture (from its middle, in pixels) staying where it is. */
export function zoomed(v: View, by: number, dx = 0, dy = 0): View {
  const zoom = clamp(v.zoom + by, LEAST_ZOOM, MOST_ZOOM), before = worldSize(v.zoom), after = worldSize(zoom);
  return inside({ x: v.x + dx / before - dx / after, y: v.y + dy / before - dy / after, zoom });
}
/** `48.1,11.6,6` */
export const viewText = (v: View) => [toLat(v.y).toFixed(3), toLng(v.x).toFixed(3), v.zoom.toFixed(1)].join(',');
export function viewOf(text: string): View | null {
  const [lat, lng, zoom] = text.split(',').map(Number);
  return [lat, lng, zoom].every((n) => n !== undefined && Number.isFinite(n)) && text.split(',').length === 3 ? inside({ x: toX(lng!), y: toY(lat!), zoom: zoom! }) : null;
}
