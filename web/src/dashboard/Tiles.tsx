// The tiles of a dashboard in a grid of twelve columns, on a phone in one. While it is arranged, a tile is dragged by its head, or
// moved with the arrow keys and sized with Shift and the arrow keys; its menu does the same.
import { draggable, dropTargetForElements } from '@atlaskit/pragmatic-drag-and-drop/element/adapter';
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { t } from '../locale/t';
import { Menu } from '../ui/Drop';
import { Link } from '../ui/Link';
import { COLUMNS, HIGHEST, NARROWEST, useTilesFollow, type Tile } from './dashboards';
import { GAP, ROW, TileBody, useTile } from './TileBody';

export interface Arrange { onChange: (tiles: Tile[]) => void; onEdit: (tile: Tile) => void; say: (text: string) => void }
const within = (n: number, least: number, most: number) => Math.min(most, Math.max(least, n));
/** One tile to another place in the order. */
export function moved(tiles: Tile[], id: string, to: number): Tile[] {
  const from = tiles.findIndex((x) => x.id === id);
  const next = tiles.filter((x) => x.id !== id);
  next.splice(within(to, 0, next.length), 0, tiles[from]!);
  return next;
}
const sized = (tiles: Tile[], id: string, w: number, h: number) => tiles.map((x) => (x.id === id ? { ...x, w: within(w, NARROWEST, COLUMNS), h: within(h, 1, HIGHEST) } : x));

function One({ tile, tiles, at, arrange }: { tile: Tile; tiles: Tile[]; at: number; arrange?: Arrange }) {
  const { e, view, href, title, waiting } = useTile(tile);
  const box = useRef<HTMLElement>(null), handle = useRef<HTMLButtonElement>(null);
  const [over, setOver] = useState(false);
  const on = !!arrange;
  const latest = useRef({ tiles, arrange });
  latest.current = { tiles, arrange };
  useEffect(() => {
    if (!on || !box.current || !handle.current) return;
    const stopDrag = draggable({ element: box.current, dragHandle: handle.current, getInitialData: () => ({ tile: tile.id }) });
    const stopDrop = dropTargetForElements({
      element: box.current, canDrop: ({ source }) => typeof source.data.tile === 'string' && source.data.tile !== tile.id,
      onDragEnter: () => setOver(true), onDragLeave: () => setOver(false),
      onDrop: ({ source }) => { setOver(false); const now = latest.current; now.arrange?.onChange(moved(now.tiles, source.data.tile as string, now.tiles.findIndex((x) => x.id === tile.id))); },
    });
    return () => { stopDrag(); stopDrop(); };
  }, [on, tile.id]);
  const move = (by: number) => { const to = within(at + by, 0, tiles.length - 1); arrange!.onChange(moved(tiles, tile.id, to)); arrange!.say(t('tile.at', { title, n: to + 1, all: tiles.length })); setTimeout(() => document.querySelector<HTMLElement>(`[data-handle="${tile.id}"]`)?.focus()); };
  const size = (w: number, h: number) => { arrange!.onChange(sized(tiles, tile.id, tile.w + w, tile.h + h)); arrange!.say(t('tile.size', { title, w: within(tile.w + w, NARROWEST, COLUMNS), h: within(tile.h + h, 1, HIGHEST) })); };
  function key(ev: KeyboardEvent) {
    const d = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[ev.key];
    if (!d || ev.ctrlKey || ev.altKey || ev.metaKey) return;
    ev.preventDefault();
    if (ev.shiftKey) size(d[0]!, d[1]!); else move(d[0]! + d[1]!);
  }
  function stretch(ev: PointerEvent<HTMLSpanElement>) {
    const el = box.current!, corner = ev.currentTarget, wide = el.parentElement!.clientWidth;
    const x = ev.clientX, y = ev.clientY, { w, h } = tile, column = (wide + GAP) / COLUMNS;
    corner.setPointerCapture(ev.pointerId);
    const follow = (m: globalThis.PointerEvent) => { const now = latest.current; now.arrange?.onChange(sized(now.tiles, tile.id, w + Math.round((m.clientX - x) / column), h + Math.round((m.clientY - y) / (ROW + GAP)))); };
    const end = () => { corner.removeEventListener('pointermove', follow); corner.removeEventListener('pointerup', end); };
    corner.addEventListener('pointermove', follow);
    corner.addEventListener('pointerup', end);
  }
  const head = tile.kind !== 'text' || tile.title || on;
  const height = tile.h * ROW + (tile.h - 1) * GAP - 62;
  return (
    <section ref={box} className={`dtile k-${tile.kind}${over ? ' over' : ''}${on ? ' arranged' : ''}`} aria-label={title} data-tile={tile.id} style={{ '--w': tile.w, '--h': tile.h } as React.CSSProperties}>
      {head && (
        <header>
          {on && <button ref={handle} type="button" className="tilehandle" data-handle={tile.id} aria-label={t('tile.handle', { title })} onKeyDown={key}>⠿</button>}
          {href && !on ? <Link className="plainlink grow cut" href={href}><h2>{title}</h2></Link> : <h2 className="grow cut">{title}</h2>}
          {on && (
            <Menu target={<button type="button" className="more" aria-label={t('tile.options', { title })}>⋯</button>} lines={[
              { label: t('tile.edit'), run: () => arrange!.onEdit(tile) }, 'rule',
              { label: t('tile.earlier'), disabled: at === 0, run: () => move(-1) }, { label: t('tile.later'), disabled: at === tiles.length - 1, run: () => move(1) },
              { label: t('tile.wider'), disabled: tile.w >= COLUMNS, run: () => size(1, 0) }, { label: t('tile.narrower'), disabled: tile.w <= NARROWEST, run: () => size(-1, 0) },
              { label: t('tile.taller'), disabled: tile.h >= HIGHEST, run: () => size(0, 1) }, { label: t('tile.lower'), disabled: tile.h <= 1, run: () => size(0, -1) }, 'rule',
              { label: t('tile.remove'), run: () => arrange!.onChange(tiles.filter((x) => x.id !== tile.id)) },
            ]} />
          )}
        </header>
      )}
      <div className="dtilebody" inert={on}><TileBody tile={tile} height={height} title={title} e={e} view={view} waiting={waiting} /></div>
      {on && <span aria-hidden className="corner" onPointerDown={stretch} />}
    </section>
  );
}

export default function Tiles({ tiles, arrange }: { tiles: Tile[]; arrange?: Arrange }) {
  useTilesFollow();
  return <div className="dgrid" style={{ '--row': `${ROW}px`, '--gap': `${GAP}px` } as React.CSSProperties}>{tiles.map((x, i) => <One key={x.id} tile={x} tiles={tiles} at={i} arrange={arrange} />)}</div>;
}
