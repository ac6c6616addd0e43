// Rows as cards of two lines, for a phone.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, type RefObject } from 'react';
import { Display } from '../fields/Display';
import { isEmpty } from '../fields/format';
import { t } from '../locale/t';
import { address, alarmOf, titleOf, valueKind, type Entity, type Field } from '../meta/meta';
import type { Shown } from './columns';
import type { Item } from './Grid';
import type { Selection } from './selection';
import { Loading } from '../ui/bits';
import { Link } from '../ui/Link';

export function Cards({ entity: e, columns, items, scroller, selection }: { entity: Entity; columns: Shown[]; items: Item[]; scroller: RefObject<HTMLDivElement | null>; selection: Selection }) {
  const virtual = useVirtualizer({ count: items.length, getScrollElement: () => scroller.current, estimateSize: () => 64, overscan: 10 });
  const shown = virtual.getVirtualItems();
  useEffect(() => { for (const v of shown) { const x = items[v.index]; if (x?.t === 'wait' && !x.failed) x.load(); } });
  return (
    <div className="table cards" ref={scroller} tabIndex={0} role="region" aria-label={e.label_plural}>
      <div className="tbody" style={{ height: virtual.getTotalSize(), minWidth: 0 }}>
        {shown.map((v) => {
          const x = items[v.index];
          if (x?.t !== 'row') return <div key={x?.key ?? v.index} className="card" style={{ top: v.start }}><Loading height={20} /></div>;
          const r = x.row;
          return (
            <div key={x.key} className={selection.has(r.id) ? 'card selected' : 'card'} style={{ top: v.start }}>
              <label className="pickone"><input type="checkbox" checked={selection.has(r.id)} aria-label={t('select.one', { name: titleOf(e, r) })} onChange={() => selection.toggle(r.id, false)} /></label>
              <Link className="cardlink" href={address(e, r.id)}>
                <b>{titleOf(e, r)}</b>
                <div>{columns.slice(1).filter(({ field: f }) => !isEmpty(r[f.name]) && (f.kind !== 'instant' || f.alarm)).slice(0, 3).map(({ field: f }) => <span key={f.name}>{alarmOf(e, f) && r[f.alarm!] === true && <b className="alarm">{alarmOf(e, f)!.label} </b>}<CardValue f={f} v={r[f.name]} /></span>)}</div>
              </Link>
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** In a card everything is one link: no links inside it. */
export function CardValue({ f, v }: { f: Field; v: any }) {
  return ['reference', 'many', 'any_reference', 'file'].includes(valueKind(f)) ? <>{Array.isArray(v) ? v.map((x) => x.name).join(', ') : v.name ?? `#${v.id}`}</>
    : ['emails', 'phones', 'urls'].includes(valueKind(f)) ? <>{v.map((p: any) => p.address ?? p.number ?? p.url).join(', ')}</> : <Display field={f} value={v} short />;
}
