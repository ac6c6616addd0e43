// Two groups against each other: the more, the darker. A table, so that it is read like one; every cell leads to its records.
import type { Cell, Cross } from '../list/groups';
import { t } from '../locale/t';
import { Link } from '../ui/Link';
import { ScrollX } from '../ui/ScrollX';

const SHOWN = 60;

export function Heat({ cross, label, value, words, href }: { cross: Cross; label: string; value: (c: Cell) => number; words: (c: Cell) => string; href: (where: string) => string }) {
  const rows = cross.rows.slice(0, SHOWN), columns = cross.columns.slice(0, SHOWN);
  const all = rows.flatMap((r) => columns.map((c) => cross.cell(r, c))).flatMap((c) => (c ? [value(c)] : []));
  const least = Math.min(0, ...all), most = Math.max(...all, least + 1e-9);
  // the eye sees ratios: the square root keeps small numbers apart
  const shade = (v: number) => Math.round(8 + 60 * Math.sqrt((v - least) / (most - least)));
  return (
    <>
      <ScrollX className="heatbox" label={label} data-chart="heat">
        <table className="heat" aria-label={label}>
          <thead><tr><td />{columns.map((c) => <th key={c.key} scope="col"><Link className="plainlink" href={href(c.where)}>{c.label}</Link></th>)}</tr></thead>
          <tbody>{rows.map((r) => (
            <tr key={r.key}>
              <th scope="row"><Link className="plainlink" href={href(r.where)}>{r.label}</Link></th>
              {columns.map((c) => { const x = cross.cell(r, c); return <td key={c.key} className="num">{x ? <Link className="heatcell" href={href(x.where)} title={`${r.label}, ${c.label}`} style={{ '--s': `${shade(value(x))}%` } as React.CSSProperties}>{words(x)}</Link> : null}</td>; })}
            </tr>
          ))}</tbody>
        </table>
      </ScrollX>
      {(cross.more || cross.rows.length > SHOWN || cross.columns.length > SHOWN) && <div className="dim">{t('chart.heat.cut', { n: SHOWN })}</div>}
    </>
  );
}
