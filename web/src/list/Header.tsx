// Names of the columns: click sorts (with Shift as one more key), drag moves, the edge sizes.
import { useRef, type PointerEvent } from 'react';
import { isNumeric } from '../fields/format';
import { t } from '../locale/t';
import { sortable } from '../meta/meta';
import { WIDEST, NARROWEST, type Shown } from './columns';

interface Props {
  columns: Shown[]; template: string; least: number; sort: string; active: number | null; all: boolean; some: boolean;
  onAll: (on: boolean) => void; onSort: (name: string, add: boolean) => void; onResize: (c: number, width: number) => void; onMove: (from: number, to: number) => void;
}
export function Header({ columns, template, least, sort, active, all, some, onAll, onSort, onResize, onMove }: Props) {
  const keys = sort ? sort.split(',') : [];
  const dragged = useRef<number | null>(null);
  const sizing = useRef(false);
  function size(ev: PointerEvent<HTMLElement>, c: number) {
    ev.preventDefault();
    ev.stopPropagation();
    sizing.current = true;
    const cell = (ev.currentTarget as HTMLElement).parentElement!;
    const from = ev.clientX, width = cell.getBoundingClientRect().width;
    const rtl = getComputedStyle(cell).direction === 'rtl' ? -1 : 1;
    const row = cell.parentElement!.parentElement!.parentElement!;
    const to = (x: number) => Math.min(WIDEST, Math.max(NARROWEST, width + (x - from) * rtl));
    // while it moves only the styles follow; the columns are set once
    const move = (m: globalThis.PointerEvent) => row.querySelectorAll<HTMLElement>('.tr').forEach((r) => { if (r.style.gridTemplateColumns) r.style.gridTemplateColumns = '40px ' + columns.map((x, i) => (i === c ? `${to(m.clientX)}px` : x.fixed ? `${x.width}px` : `minmax(${x.width}px, ${i ? 1 : 1.4}fr)`)).join(' '); });
    const up = (m: globalThis.PointerEvent) => { sizing.current = false; removeEventListener('pointermove', move); removeEventListener('pointerup', up); onResize(c, to(m.clientX)); };
    addEventListener('pointermove', move);
    addEventListener('pointerup', up);
  }
  return (
    <div role="rowgroup" className="thead" style={{ minWidth: least }}>
      <div role="row" aria-rowindex={1} className="tr" style={{ gridTemplateColumns: template, height: 36, background: 'var(--soft)' }}>
        <div role="columnheader" className="th check"><input type="checkbox" tabIndex={-1} aria-label={t('select.all')} checked={all && some} ref={(el) => { if (el) el.indeterminate = some && !all; }} onChange={(ev) => onAll(ev.currentTarget.checked)} /></div>
        {columns.map(({ field: f }, c) => {
          const i = keys.findIndex((k) => k === f.name || k === '-' + f.name);
          const down = i >= 0 && keys[i]!.startsWith('-');
          return (
            <div key={f.name} role="columnheader" className={isNumeric(f) ? 'th end' : 'th'} aria-sort={i < 0 ? 'none' : down ? 'descending' : 'ascending'} draggable={c > 0}
              onDragStart={(ev) => { if (sizing.current) return ev.preventDefault(); dragged.current = c; ev.dataTransfer.effectAllowed = 'move'; ev.dataTransfer.setData('text/plain', f.label); }} onDragEnd={() => { dragged.current = null; }}
              onDragOver={(ev) => { if (dragged.current !== null && c > 0) ev.preventDefault(); }} onDrop={(ev) => { ev.preventDefault(); if (dragged.current !== null && c > 0 && dragged.current !== c) onMove(dragged.current, c); dragged.current = null; }}>
              <button type="button" id={`cell-head-${c}`} tabIndex={active === c ? 0 : -1} aria-disabled={!sortable(f)} onClick={(ev) => { if (sortable(f)) onSort(f.name, ev.shiftKey); }}>{f.label}{i >= 0 && <span aria-hidden>{down ? '↓' : '↑'}{keys.length > 1 ? i + 1 : ''}</span>}</button>
              <span className="sizer" aria-hidden onPointerDown={(ev) => size(ev, c)} />
            </div>
          );
        })}
      </div>
    </div>
  );
}
