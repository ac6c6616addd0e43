// What an import did, or would do: counts, changes, rows that were refused, warnings.
import { Table, Title } from '@mantine/core';
import { asText, isEmpty, number } from '../fields/format';
import { t, type Key } from '../locale/t';
import { address, useMeta, type Entity } from '../meta/meta';
import { Link } from '../ui/Link';
import { fieldOf, type Report } from './plan';
import { ScrollX } from '../ui/ScrollX';

const LISTS = new Set(['emails', 'phones', 'urls', 'addresses', 'choices', 'tags', 'many', 'place', 'money']);
const SHOWN = 50; // the rest is in the file of rejected rows

const COUNTS = ['created', 'updated', 'unchanged', 'skipped', 'rejected', 'warned'] as const;

export function ReportView({ entity: e, report: r, id }: { entity: Entity; report: Report; id: number }) {
  const meta = useMeta();
  const name = (path: string) => fieldOf(e, path)?.label ?? path;
  const value = (path: string, v: unknown) => {
    const f = fieldOf(e, path);
    const text = (x: unknown) => asText(f!, x, (code) => meta.choices(f!).find((c) => c.code === code)?.label || code);
    // a report of an earlier version has lists as texts
    return isEmpty(v) ? t('report.nothing') : Array.isArray(v) && f ? v.map((x) => text([x])).join(' · ') : !f || (typeof v === 'string' && LISTS.has(f.kind)) ? String(v) : text(v);
  };
  const change = (c: Report['changes'][0]['changes'][0]) => {
    const [from, to] = [c.from, c.to].map((v) => (Array.isArray(v) ? v.map((x) => JSON.stringify(x)) : null));
    const more = from?.length && to && from.every((x) => to.includes(x)) ? (c.to as unknown[]).filter((x) => !from.includes(JSON.stringify(x))) : null;
    return <li key={c.field}><span className="dim">{name(c.field)}:</span> {more ? t('report.added') : `${value(c.field, c.from)} →`} <b>{value(c.field, more ?? c.to)}</b></li>;
  };
  const part = (title: string, heads: string[], rows: React.ReactNode[][], more?: React.ReactNode) => rows.length > 0 && (
    <section aria-label={title}>
      <div className="row spread"><Title order={3} size="h6">{title}</Title>{more}</div>
      <ScrollX label={title}>
        <Table verticalSpacing={4} fz="sm" className="reporttable"><Table.Thead><Table.Tr>{heads.map((h) => <Table.Th key={h}>{h}</Table.Th>)}</Table.Tr></Table.Thead><Table.Tbody>{rows.map((cells, i) => <Table.Tr key={i}>{cells.map((c, k) => <Table.Td key={k}>{c}</Table.Td>)}</Table.Tr>)}</Table.Tbody></Table>
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
      {part(first(t('report.warnings'), r.warned, Math.min(r.warnings.length, SHOWN)), [t('import.row'), t('filter.field'), t('import.why')], r.warnings.slice(0, SHOWN).map((x) => [number(x.row), name(x.field), x.message]))}
      {part(first(t('report.changes'), r.updated, Math.min(r.changes.length, SHOWN)), [t('import.row'), e.label, t('report.change')], r.changes.slice(0, SHOWN).map((x) => [number(x.row), <Link key="n" className="reflink" href={address(e, x.id)}>{x.name}</Link>, <ul key="c" className="changelist">{x.changes.filter((y) => !fieldOf(e, y.field)?.read_only).map(change)}</ul>]))}
    </div>
  );
}
