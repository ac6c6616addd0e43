import { memo, type MouseEvent, type RefObject } from 'react';
import { Value } from '../fields/Display';
import { isNumeric } from '../fields/format';
import { mayEdit } from '../fields/useEdit';
import { t } from '../locale/t';
import { address, titleOf, type Entity, type Rec } from '../meta/meta';
import { later } from '../ui/later';
import { Link } from '../ui/Link';
import type { After } from './CellEditor';
import type { Shown } from './columns';
import { cellId } from './Grid';

const CellEditor = later(() => import('./CellEditor'), 'soon');

export interface Handlers { cell: (r: Rec, key: string, c: number, ev: MouseEvent) => void; select: (id: number, range: boolean) => void; end: (after: After) => void }
interface Props { entity: Entity; row: Rec; rowKey: string; columns: Shown[]; start: number; index: number; template: string; active: number | null; editing: boolean; hint: string; selected: boolean; peeked: boolean; on: RefObject<Handlers> }

export const Row = memo(function Row({ entity: e, row: r, rowKey, columns, start, index, template, active, editing, hint, selected, peeked, on }: Props) {
  const name = titleOf(e, r);
  return (
    <div role="row" aria-rowindex={index} aria-selected={selected} className={'tr' + (selected ? ' selected' : '') + (peeked ? ' peeked' : '')} style={{ top: start, gridTemplateColumns: template, zIndex: editing || hint ? 4 : undefined }}>
      <div role="gridcell" className="td check"><input type="checkbox" tabIndex={-1} checked={selected} aria-label={t('select.one', { name })} onChange={() => {}} onClick={(ev) => on.current.select(r.id, ev.shiftKey)} /></div>
      {columns.map(({ field: f }, c) => {
        const here = active === c;
        const may = mayEdit(e, f, r);
        return (
          <div key={f.name} role="gridcell" id={cellId(rowKey, c)} tabIndex={here ? 0 : -1} aria-readonly={!may} className={(isNumeric(f) ? 'td end' : 'td') + (may ? ' may' : '') + (here && (editing || hint) ? ' editing' : '')} onClick={(ev) => on.current.cell(r, rowKey, c, ev)}>
            {here && editing ? <CellEditor entity={e} field={f} row={r} onEnd={(after) => on.current.end(after)} waiting={<Value entity={e} field={f} record={r} short />} />
              : c === 0 ? <Link className="rowlink" tabIndex={-1} href={address(e, r.id)}>{name}</Link> : <Value entity={e} field={f} record={r} short />}
            {here && hint && <span className="cellhint" role="alert">{hint}</span>}
          </div>
        );
      })}
    </div>
  );
});
