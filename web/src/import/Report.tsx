// What an import did, or would do: counts, changes, rows that were refused, warnings.
import { Table, Title } from '@mantine/core';
import { number } from '../fields/format';
import { t, type Key } from '../locale/t';
import { address, type Entity } from '../meta/meta';
import { Link } from '../ui/Link';
import { fieldOf, type Report } from './plan';
import { ScrollX } from '../ui/ScrollX';

const SHOWN = 50; // the rest is in the file of rejected rows

const COUNTS = ['created', 'updated', 'unchanged', 'skipped', 'rejected', 'warned'] as const;

export function ReportView({ entity: e, report: r, id }: { entity: Entity; report: Report; id: number }) {
  const name = (path: string) => fieldOf(e, path)?.label ?? path;
  const part = (title: string, heads: string[], rows: React.ReactNode[][], more?: React.ReactNode) => rows.length > 0 && (
    <section aria-label={title}>
      <div className="row spread"><Title order={3} size="h6">{title}</Title>{more}</div>
      <ScrollX label={title}>
        <Table verticalSpacing={4} fz="sm"><Table.Thead><Table.Tr>{heads.map((h) => <Table.Th key={h}>{h}</Table.Th>)}</Table.Tr></Table.Thead><Table.Tbody>{rows.map((cells, i) => <Table.Tr key={i}>{cells.map((c, k) => <Table.Td key={k}>{c}</Table.Td>)}</Table.Tr>)}</Table.Tbody></Table>
      </ScrollX>
    </section>
  );
  const first = (title: string, of: number, shown: number) => (of > shown ? `${title} · ${t('report.first', { n: number(shown), of: number(of) })}` : title);
  return (
    <div className="report" role="status">
      <b>{t(r.check ? 'report.would' : 'report.did')}</b>
      <div className="counts">{COUNTS.filter((c) => r[c] || c === 'created' || c === 'updated' || c === 'rejected').map((c) => <span key={c} data-count={c} className={c === 'rejected' && r[c] ? 'bad' : undefined}><b className="num">{number(r[c])}</b> {t(`report.${c}` as Key)}</span>)}</div>
      {part(first(t('report.rejects'), r.rejected, Math.min(r.rejects.length, SHOWN)), [t('import.row'), t('import.why')], r.rejects.slice(0, SHOWN).map((x) => [number(x.row), x.errors.map((y) => `${name(y.field)}: ${y.message}`).join('; ')]),
        !r.check && <a className="reflink" href={`/api/v1/imports/${id}/rejects`} download>{t('import.save')}</a>)}
      {part(first(t('report.warnings'), r.warned, Math.min(r.warnings.length, SHOWN)), [t('import.row'), t('fields.label'), t('import.why')], r.warnings.slice(0, SHOWN).map((x) => [number(x.row), name(x.field), x.message]))}
      {part(first(t('report.changes'), r.updated, Math.min(r.changes.length, SHOWN)), [t('import.row'), e.label, t('report.change')], r.changes.slice(0, SHOWN).map((x) => [number(x.row), <Link key="n" className="reflink" href={address(e, x.id)}>{x.name}</Link>, x.changes.map((y) => `${name(y.field)}: ${y.from || '–'} → ${y.to || '–'}`).join('; ')]))}
    </div>
  );
}
