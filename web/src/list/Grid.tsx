// The table of a list: virtual rows, one tab stop with arrow keys, cells edited in place, columns moved and sized.
import { Button, Skeleton } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type RefObject } from 'react';
import { whyFixed } from '../fields/useEdit';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { keptIn, type Entity, type Rec } from '../meta/meta';
import type { After } from './CellEditor';
import { Header } from './Header';
import { Row } from './Row';
import type { Shown } from './columns';
import type { Group } from './groups';
import type { Selection } from './selection';

export type Item =
  | { t: 'row'; key: string; row: Rec }
  | { t: 'group'; key: string; group: Group; open: boolean; counted: boolean }
  | { t: 'wait'; key: string; load: () => void; failed?: unknown };

export interface GridProps {
  entity: Entity; columns: Shown[]; items: Item[]; sort: string; total: number | undefined; selection: Selection; anchor: 'top' | 'end'; reset: string;
  scroller: RefObject<HTMLDivElement | null>; peek: number | null;
  onSort: (name: string, add: boolean) => void; onColumns: (list: Shown[]) => void; onOpen: (r: Rec) => void; onPeek: (r: Rec | null) => void; onGroup: (key: string) => void; onEdge: (edge: 'top' | 'end') => void;
}
const ROW = 42, HEAD = 36;
export const cellId = (key: string, c: number) => `cell-${key}-${c}`;

export function Grid(p: GridProps) {
  const { items, columns, entity: e, selection, scroller } = p;
  const [active, setActive] = useState<{ key: string; c: number }>({ key: '', c: 0 });
  const [editing, setEditing] = useState(false);
  const [hint, setHint] = useState(''); // why the active cell cannot be edited
  const focus = useRef<'move' | 'keep' | null>(null);
  const inside = useRef(false);
  const virtual = useVirtualizer({ count: items.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 10, getItemKey: (i) => items[i]!.key, scrollPaddingStart: HEAD + 4, scrollPaddingEnd: 24 });
  const shown = virtual.getVirtualItems();
  const found = items.findIndex((x) => x.key === active.key);
  const at = active.key === 'head' ? -1 : Math.max(0, found);
  const width = columns.length;

  // windows are asked for when their place comes into sight
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    // by where the box stands now: what was drawn may be older than a jump to the end
    for (const v of shown) { const x = items[v.index]; if (x?.t === 'wait' && !x.failed && Math.abs(v.start - box.scrollTop) < box.clientHeight + 12 * ROW) x.load(); }
  });
  // at the end of a list rows come in above: what is looked at stays where it is
  const was = useRef({ n: 0, last: '' });
  useLayoutEffect(() => {
    const last = items[items.length - 1]?.key ?? '';
    const box = scroller.current;
    if (p.anchor === 'end' && box) {
      const grown = items.length - was.current.n;
      if (was.current.last !== last) box.scrollTop = box.scrollHeight;
      else if (grown > 0) box.scrollTop += grown * ROW;
    }
    was.current = { n: items.length, last: p.anchor === 'end' ? last : '' };
  }, [items, p.anchor, scroller]);
  // who stands where rows are awaited goes on with the first of them that comes, not behind or before them all
  const awaited = useRef({ key: '', index: 0, n: 0 });
  useLayoutEffect(() => {
    const was = awaited.current, to = p.anchor === 'end' ? items.length - was.n : was.index;
    if (was.key && was.key === active.key && items.length > was.n && items[to]?.t === 'row') {
      setActive({ ...active, key: items[to].key });
      focus.current ??= 'keep';
    }
    awaited.current = { key: items[at]?.t === 'wait' ? active.key : '', index: at, n: items.length };
  });
  useEffect(() => { if (p.anchor === 'top') scroller.current?.scrollTo({ top: 0 }); }, [p.reset, p.anchor, scroller]);
  useLayoutEffect(() => {
    if (editing) return;
    // a row that scrolls away takes the focus with it: the grid keeps it, so that the keys go on
    if (inside.current && document.activeElement === document.body) { scroller.current?.focus({ preventScroll: true }); focus.current ??= 'keep'; }
    const how = focus.current;
    const cell = how && document.getElementById(cellId(active.key === 'head' ? 'head' : items[at]?.key ?? '', active.c));
    if (!cell) return;
    focus.current = null;
    cell.focus({ preventScroll: true });
    if (how === 'move') cell.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });
  useEffect(() => {
    const f = (ev: Event) => { inside.current = !!scroller.current?.contains(ev.target as Node); };
    document.addEventListener('focusin', f);
    document.addEventListener('pointerdown', f);
    return () => { document.removeEventListener('focusin', f); document.removeEventListener('pointerdown', f); };
  }, [scroller]);

  const go = (i: number, c = active.c) => {
    if (i < 0) { setActive({ key: 'head', c }); focus.current = 'move'; return; }
    const to = Math.min(items.length - 1, i);
    const x = items[to];
    if (!x) return;
    setActive({ key: x.key, c: Math.max(0, Math.min(width - 1, c)) });
    focus.current = 'move';
    virtual.scrollToIndex(to, { align: 'auto' });
    if (p.peek !== null && x.t === 'row' && x.row.id !== p.peek) p.onPeek(x.row);
  };
  const edge = (end: boolean) => {
    scroller.current?.focus({ preventScroll: true });
    p.onEdge(end ? 'end' : 'top');
    edged.current = end ? 'end' : 'top';
    setActive((a) => ({ ...a, key: '' }));
  };
  // after a jump the rows arrive later
  const edged = useRef<'end' | 'top' | null>(null);
  useEffect(() => {
    if (!edged.current || edged.current !== p.anchor || !items.some((x) => x.t === 'row')) return;
    const i = edged.current === 'end' ? items.findLastIndex((x) => x.t === 'row') : 0;
    edged.current = null;
    go(i);
  });
  const rowAt = (i: number) => { const x = items[i]; return x?.t === 'row' ? x.row : null; };
  const edit = (key: string, c: number, tell = true) => {
    const x = items.find((y) => y.key === key);
    // rows that were read for cards have less, until the next ones are there
    if (x?.t !== 'row' || keptIn(e, columns[c]!.field).some((f) => !(f.name in x.row))) return;
    const why = whyFixed(e, columns[c]!.field, x.row);
    setActive({ key, c });
    setEditing(!why);
    if (why) focus.current = 'move';
    if (tell) setHint(why);
  };
  const endEdit = (after: After) => {
    setEditing(false);
    if (after === 'blur') return;
    const step = after === 'right' ? 1 : after === 'left' ? -1 : 0;
    const c = active.c + step;
    if (c >= 0 && c < width) setActive({ ...active, c });
    focus.current = 'move';
  };
  function key(ev: KeyboardEvent) {
    const typing = (ev.target as HTMLElement).closest('input:not([type=checkbox]), textarea, select');
    if (typing || editing) return;
    setHint('');
    const row = rowAt(at);
    const ctrl = ev.ctrlKey || ev.metaKey;
    const done = () => { ev.preventDefault(); ev.stopPropagation(); };
    if (at === -1 && head(ev)) return done();
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / ROW) - 2);
    const step: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, ...(ctrl ? {} : { j: 1, k: -1 }) };
    if (ev.altKey) return;
    if (ev.key in step) {
      const to = Math.max(ev.key === 'ArrowUp' && at === 0 ? -1 : 0, at + step[ev.key]!);
      if (ev.shiftKey && row) { selection.add(row.id); const next = rowAt(to); if (next) selection.add(next.id); }
      go(to);
      return done();
    }
    switch (ev.key) {
      case 'ArrowRight': case 'ArrowLeft': {
        const x = items[at];
        if (x?.t === 'group') { if (x.open !== (ev.key === 'ArrowRight')) p.onGroup(x.group.key); } else go(at, active.c + (ev.key === 'ArrowRight' ? 1 : -1));
        return done();
      }
      case 'Home': edge(false); return done();
      case 'End': edge(true); return done();
      case 'Escape': if (selection.some) { selection.clear(); done(); } else if (p.peek !== null) { p.onPeek(null); done(); } return;
      case 'a': if (ctrl) { selection.set(items.flatMap((x) => (x.t === 'row' ? [x.row.id] : []))); done(); } return;
    }
    if (ctrl) return;
    const x = items[at];
    if (x?.t === 'group' && (ev.key === 'Enter' || ev.key === ' ')) { p.onGroup(x.group.key); return done(); }
    if (!row) return;
    switch (ev.key) {
      case 'Enter': if (active.c === 0) p.onOpen(row); else edit(x!.key, active.c); return done();
      case 'F2': case 'e': edit(x!.key, active.c); return done();
      case 'x': selection.toggle(row.id, ev.shiftKey); return done();
      case ' ': p.onPeek(p.peek === row.id ? null : row); return done();
    }
  }
  function head(ev: KeyboardEvent): boolean {
    const c = active.c, step = ev.key === 'ArrowRight' ? 1 : ev.key === 'ArrowLeft' ? -1 : 0;
    if (ev.altKey && step && c > 0 && c + step > 0 && c + step < width) {
      const list = [...columns];
      [list[c], list[c + step]] = [list[c + step]!, list[c]!];
      p.onColumns(list);
      go(-1, c + step);
      return true;
    }
    if (ev.shiftKey && step) { resize(c, columns[c]!.width + step * 16); return true; }
    return false;
  }
  const resize = (c: number, w: number) => p.onColumns(columns.map((x, i) => (i === c ? { ...x, width: Math.min(900, Math.max(60, w)), fixed: true } : x)));

  const handlers = useRef({ cell: (_r: Rec, _k: string, _c: number, _ev: React.MouseEvent) => {}, select: (_id: number, _range: boolean) => {}, end: endEdit });
  handlers.current = {
    cell: (r, k, c, ev) => {
      if ((ev.target as HTMLElement).closest('a')) return;
      setHint('');
      if (ev.detail === 2) return edit(k, c);
      if (ev.shiftKey) { getSelection()?.removeAllRanges(); return selection.toggle(r.id, true); }
      if (ev.ctrlKey || ev.metaKey) return selection.toggle(r.id, false);
      if (getSelection()?.toString()) return;
      edit(k, c, false);
      if (p.peek !== null && p.peek !== r.id) p.onPeek(r);
    },
    select: (id, range) => selection.toggle(id, range),
    end: endEdit,
  };
  const template = '40px ' + columns.map((x, i) => (x.fixed ? `${x.width}px` : `minmax(${x.width}px, ${i ? 1 : 1.4}fr)`)).join(' ');
  const least = 40 + columns.reduce((sum, x) => sum + x.width, 0);
  const first = p.anchor === 'end' && p.total !== undefined ? p.total - items.length : 0;

  return (
    <div className={least > (virtual.scrollRect?.width ?? 0) ? 'table wide' : 'table'} ref={scroller} role="grid" aria-label={e.label_plural} aria-rowcount={p.total === undefined ? -1 : p.total + 1} aria-colcount={width} aria-multiselectable tabIndex={-1} onScroll={(ev) => ev.currentTarget.toggleAttribute('data-aside', ev.currentTarget.scrollLeft !== 0)} onKeyDown={key} onFocus={(ev) => { const m = /^cell-(.*)-(\d+)$/.exec(ev.target.id); if (m && (m[1] !== active.key || Number(m[2]) !== active.c)) setActive({ key: m[1]!, c: Number(m[2]) }); }}>
      <Header columns={columns} template={template} least={least} sort={p.sort} active={at === -1 ? active.c : null} all={selection.all || (items.length > 0 && items.every((x) => x.t !== 'row' || selection.has(x.row.id)))} some={selection.some}
        onAll={(on) => (on ? selection.set(items.flatMap((x) => (x.t === 'row' ? [x.row.id] : []))) : selection.clear())} onSort={p.onSort} onResize={resize} onMove={(a, b) => { const list = [...columns]; const [x] = list.splice(a, 1); list.splice(b, 0, x!); p.onColumns(list); }} />
      <div role="rowgroup" className="tbody" style={{ height: virtual.getTotalSize(), minWidth: least }}>
        {shown.map((v) => {
          const x = items[v.index]!;
          if (x.t === 'row') return <Row key={x.key} entity={e} row={x.row} rowKey={x.key} columns={columns} start={v.start} index={first + v.index + 2} template={template} active={v.index === at ? active.c : null} editing={editing && v.index === at} hint={v.index === at ? hint : ''} selected={selection.has(x.row.id)} peeked={p.peek === x.row.id} on={handlers} />;
          if (x.t === 'group') {
            return (
              <div key={x.key} role="row" className="tr grouprow" style={{ top: v.start }}>
                <div role="gridcell" aria-expanded={x.open} aria-colspan={width} id={cellId(x.key, active.c)} tabIndex={v.index === at ? 0 : -1} className="groupcell" onClick={() => { p.onGroup(x.group.key); setActive({ key: x.key, c: active.c }); }}>
                  <span aria-hidden className="caret">{x.open ? '▾' : '▸'}</span><b>{x.group.label}</b> {x.counted && <span className="num dim">{number(x.group.count)}</span>}
                </div>
              </div>
            );
          }
          return (
            <div key={x.key} role="row" className="tr" style={{ top: v.start, gridTemplateColumns: template }}>
              {x.failed ? <div role="gridcell" aria-colspan={width} style={{ gridColumn: '1 / -1', padding: '6px 18px' }}><Button size="compact-sm" variant="default" onClick={x.load}>{t('error.retry')}</Button></div>
                : <><div role="gridcell" /> {columns.map((col, i) => <div key={col.field.name} role="gridcell" className="td" id={i === 0 ? cellId(x.key, active.c) : undefined} tabIndex={i === 0 && v.index === at ? 0 : -1}><Skeleton height={14} width="70%" /></div>)}</>}
            </div>
          );
        })}
      </div>
    </div>
  );
}
