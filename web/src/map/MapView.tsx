// Records with coordinates on a map: an outline of the countries, nothing fetched from elsewhere. What lies close together is
// counted together, by the server: one question for what is on the screen, whether it is a hundred records or a million.
import { Button, Group, NativeSelect, Skeleton } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import outline from 'virtual:outline';
import { get } from '../api/client';
import { both } from '../expr/tree';
import { number } from '../fields/format';
import type { BodyProps } from '../list/ListBody';
import { t } from '../locale/t';
import { address, titleOf, type Entity, type Field, type Rec } from '../meta/meta';
import { Empty, ErrorState, Loading } from '../ui/bits';
import { Link } from '../ui/Link';
import { fit, inside, toLat, toLng, toX, toY, viewOf, viewText, worldSize, zoomed, type Box, type View } from './projection';

const CELL = 64; // pixels in which records are counted together
const SHOWN = 300, NAMES = 10;
export const placed = (f: Field) => f.kind === 'place' && !f.hidden;

interface Spot { key: string; n: number; lat: number; lng: number; where: string }

const perDegree = (zoom: number) => { const k = worldSize(zoom) / 360 / CELL; return Number(k.toPrecision(3)); };
/** What is on the screen and a little beyond it, in whole cells, so that moving a little asks nothing new. */
function region(v: View, w: number, h: number, k: number): Box | null {
  const size = worldSize(v.zoom), step = Math.max(1, 4 / k);
  if (size <= Math.max(w, h) * 1.2) return null;
  const down = (n: number) => Math.floor(n / step) * step, up = (n: number) => Math.ceil(n / step) * step;
  const [west, east] = [toLng(v.x - w / 2 / size), toLng(v.x + w / 2 / size)], [north, south] = [toLat(v.y - h / 2 / size), toLat(v.y + h / 2 / size)];
  return { west: Math.max(-180, down(west)), east: Math.min(180, up(east)), south: Math.max(-90, down(south)), north: Math.min(90, up(north)) };
}
const degrees = (n: number) => String(Number(n.toFixed(4)));

function useBounds(e: Entity, f: Field | undefined, where: string | undefined, on: boolean) {
  return useQuery({
    queryKey: ['count', e.name, 'bounds', f?.name, where], enabled: on && !!f, staleTime: 60_000, retry: false,
    queryFn: async ({ signal }) => {
      const p = f!.name;
      const r = (await get<{ rows: Record<string, any>[] }>(`/${e.plural}/aggregate`, { measure: `min(latitude(${p})) as s, max(latitude(${p})) as n, min(longitude(${p})) as w, max(longitude(${p})) as e`, where: both(where, `${p} is not empty`) }, signal)).rows[0];
      return r && r.s !== null ? { south: Number(r.s), north: Number(r.n), west: Number(r.w), east: Number(r.e) } : null;
    },
  });
}
function useSpots(e: Entity, f: Field | undefined, where: string | undefined, k: number, box: Box | null, on: boolean) {
  const p = f?.name ?? '';
  const around = box ? `latitude(${p}) between ${degrees(box.south)} and ${degrees(box.north)} and longitude(${p}) between ${degrees(box.west)} and ${degrees(box.east)}` : undefined;
  const asked = both(both(where, `${p} is not empty`), around);
  return useQuery({
    queryKey: ['count', e.name, 'map', { p, k, asked }], enabled: on && !!f, staleTime: 60_000, retry: false, placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const a = `floor(latitude(${p}) * ${k})`, b = `floor(longitude(${p}) * ${k})`;
      const { rows } = await get<{ rows: Record<string, any>[] }>(`/${e.plural}/aggregate`, { group: `${a} as a, ${b} as b`, measure: `count() as n, avg(latitude(${p})) as lat, avg(longitude(${p})) as lng`, where: asked, sort: '-n', limit: SHOWN + 1 }, signal);
      return rows.map((r): Spot => ({ key: `${r.a}|${r.b}`, n: r.n, lat: Number(r.lat), lng: Number(r.lng), where: `${a} = ${r.a} and ${b} = ${r.b}` }));
    },
  });
}

/** The records of one spot, by name. */
function Names({ e, spot, where, href, onZoom, onClose }: { e: Entity; spot: Spot; where: string | undefined; href: string; onZoom?: () => void; onClose: () => void }) {
  const ask = { where: both(where, spot.where), fields: ['id', 'version', ...(e.title ? [e.title] : [])].join(','), limit: NAMES };
  const q = useQuery({ queryKey: ['related', e.name, 'spot', ask], staleTime: 60_000, queryFn: ({ signal }) => get<{ items: Rec[] }>(`/${e.plural}`, ask, signal) });
  return (
    <aside className="mappanel" aria-label={t('place.here', { n: number(spot.n) })}>
      <div className="row spread"><b>{t('place.here', { n: number(spot.n) })}</b><Button size="compact-xs" variant="subtle" color="gray" aria-label={t('close')} onClick={onClose}>✕</Button></div>
      {q.error ? <ErrorState error={q.error} retry={() => void q.refetch()} /> : !q.data ? <Loading height={60} /> : <ul className="plainlist">{q.data.items.map((r) => <li key={r.id}><Link className="rowlink cut" href={address(e, r.id)}>{titleOf(e, r)}</Link></li>)}</ul>}
      <Group gap={6} mt={8}>{onZoom && <Button size="compact-sm" variant="default" onClick={onZoom}>{t('place.in')}</Button>}<Link className="reflink" href={href}>{t('tile.all')}</Link></Group>
    </aside>
  );
}

export default function MapView({ entity: e, state, onProblem }: BodyProps) {
  const { look, q, params } = state;
  const { ref, width: w, height: h } = useElementSize();
  const fields = e.fields.filter(placed);
  const f = fields.find((x) => x.name === look.place) ?? fields[0];
  const where = look.where || undefined;
  const [moved, setMoved] = useState<View | null>(() => viewOf(params.get('at') ?? ''));
  const [picked, setPicked] = useState<Spot | null>(null);
  const bounds = useBounds(e, f, where, !moved);
  const fitted = useMemo(() => (w && bounds.data ? fit(bounds.data, w, h) : null), [w, h, bounds.data]);
  const v = moved ?? fitted;
  // counted by whole steps: in between only the picture grows
  const zoom = Math.round(v?.zoom ?? 1), k = perDegree(zoom);
  const box = useMemo(() => (v && w ? region(v, w, h, k) : null), [v, w, h, k]);
  const spots = useSpots(e, f, where, k, box, !!v && w > 0);
  const error = bounds.error ?? spots.error;
  useEffect(() => onProblem(error), [error, onProblem]);
  useEffect(() => setPicked(null), [where, f?.name]);
  // where one is stands in the address, a moment after one has stopped
  const at = moved ? viewText(moved) : '';
  useEffect(() => {
    if (!at || at === params.get('at')) return;
    const timer = setTimeout(() => state.set({ at }, true), 400);
    return () => clearTimeout(timer);
  }, [at, params, state]);
  const go = (to: View) => setMoved(inside(to));
  const latest = useRef(v);
  latest.current = v;
  const map = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const el = map.current;
    if (!el) return;
    const wheel = (ev: WheelEvent) => { ev.preventDefault(); const r = el.getBoundingClientRect(); if (latest.current) setMoved(zoomed(latest.current, ev.deltaY < 0 ? 0.5 : -0.5, ev.clientX - r.left - r.width / 2, ev.clientY - r.top - r.height / 2)); };
    el.addEventListener('wheel', wheel, { passive: false });
    return () => el.removeEventListener('wheel', wheel);
  }, [!!v]);
  const fingers = useRef(new Map<number, { x: number; y: number }>());
  function drag(ev: PointerEvent<HTMLDivElement>) {
    const all = fingers.current, from = all.get(ev.pointerId), now = { x: ev.clientX, y: ev.clientY };
    if (!from || !latest.current) return;
    const size = worldSize(latest.current.zoom), other = [...all].find(([id]) => id !== ev.pointerId)?.[1];
    all.set(ev.pointerId, now);
    if (other) {
      // two fingers: as far apart as they are, so large it is
      const apart = (p: { x: number; y: number }) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
      setMoved(zoomed(latest.current, Math.log2(apart(now) / apart(from))));
    } else setMoved(inside({ ...latest.current, x: latest.current.x - (now.x - from.x) / size, y: latest.current.y - (now.y - from.y) / size }));
  }
  function key(ev: KeyboardEvent) {
    if (!v || ev.ctrlKey || ev.altKey || ev.metaKey) return;
    const size = worldSize(v.zoom), step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[ev.key];
    if (step) { ev.preventDefault(); go({ ...v, x: v.x + (step[0]! * 80) / size, y: v.y + (step[1]! * 80) / size }); }
    if (ev.key === '+' || ev.key === '=') go(zoomed(v, 1));
    if (ev.key === '-') go(zoomed(v, -1));
    if (ev.key === 'Escape') setPicked(null);
  }
  if (!f) return <Empty title={t('place.none')} />;
  if (error) return <ErrorState error={error} retry={() => { void bounds.refetch(); void spots.refetch(); }} />;
  const size = v ? worldSize(v.zoom) : 0;
  const all = spots.data ?? [], shown = all.slice(0, SHOWN);
  const most = Math.max(1, ...shown.map((s) => s.n));
  const found = shown.reduce((n, s) => n + s.n, 0);
  const href = (s: Spot) => state.hrefOf({ kind: '', place: '', where: both(where, s.where) ?? '' });
  return (
    <div className="mappage">
      <Group gap={8} className="toolrow" px={18} pb={8}>
        {fields.length > 1 && <><span className="dim">{t('place.by')}</span><NativeSelect size="xs" aria-label={t('place.by')} data={fields.map((x) => ({ value: x.name, label: x.label }))} value={f.name} onChange={(ev) => { setMoved(null); state.change({ place: ev.currentTarget.value }); }} /></>}
        <Button size="xs" variant="default" aria-label={t('place.in')} disabled={!v} onClick={() => v && go(zoomed(v, 1))}>+</Button>
        <Button size="xs" variant="default" aria-label={t('place.out')} disabled={!v} onClick={() => v && go(zoomed(v, -1))}>−</Button>
        <Button size="xs" variant="default" disabled={!moved} onClick={() => { setMoved(null); setPicked(null); state.set({ at: null }, true); }}>{t('place.whole')}</Button>
        <span className="dim num" role="status">{spots.data ? t('place.found', { n: number(found) }) + (all.length > SHOWN ? ` (${t('place.cut', { n: SHOWN })})` : '') : ''}</span>
        {q && <span role="status">{t('place.noq')}</span>}
      </Group>
      <div className="mapbox" ref={ref}>
        {!v && (bounds.data === null ? <Empty title={where ? t('list.nomatch') : t('place.empty', { label: f.label })} /> : <Skeleton height="100%" radius={0} aria-label={t('loading')} />)}
        {v && w > 0 && (
          <div className="mapmove" ref={map} tabIndex={0} role="application" aria-roledescription={t('kind.map')} aria-label={t('place.label', { label: f.label })} onKeyDown={key} onPointerMove={drag}
            onPointerDown={(ev) => { if ((ev.target as HTMLElement).closest('button')) return; fingers.current.set(ev.pointerId, { x: ev.clientX, y: ev.clientY }); ev.currentTarget.setPointerCapture(ev.pointerId); }}
            onPointerUp={(ev) => fingers.current.delete(ev.pointerId)} onPointerCancel={(ev) => fingers.current.delete(ev.pointerId)}>
            <svg width={w} height={h} aria-hidden>
              <defs><clipPath id="world"><rect width={outline.size} height={outline.size} /></clipPath></defs>
              <g clipPath="url(#world)" transform={`translate(${w / 2 - v.x * size} ${h / 2 - v.y * size}) scale(${size / outline.size})`}><path className="mapland" d={outline.land} /><path className="mapborders" d={outline.borders} /></g>
            </svg>
            {shown.map((s) => {
              const x = (toX(s.lng) - v.x) * size + w / 2, y = (toY(s.lat) - v.y) * size + h / 2, r = s.n === 1 ? 14 : 24 + 26 * Math.sqrt(s.n / most);
              if (x < -30 || y < -30 || x > w + 30 || y > h + 30) return null;
              return <button key={s.key} type="button" className={picked?.key === s.key ? 'mapspot here' : 'mapspot'} aria-label={t('place.here', { n: number(s.n) })} aria-pressed={picked?.key === s.key} data-n={s.n} style={{ width: Math.max(24, r), height: Math.max(24, r), transform: `translate(${x}px, ${y}px) translate(-50%, -50%)`, '--d': `${r}px` } as React.CSSProperties} onClick={() => setPicked(s)}><span>{s.n > 1 ? number(s.n) : ''}</span></button>;
            })}
          </div>
        )}
        {picked && v && <Names e={e} spot={picked} where={where} href={href(picked)} onClose={() => { setPicked(null); map.current?.focus(); }} onZoom={picked.n > 1 && v.zoom < 13 ? () => { setPicked(null); go({ x: toX(picked.lng), y: toY(picked.lat), zoom: v.zoom + 2 }); } : undefined} />}
      </div>
    </div>
  );
}
