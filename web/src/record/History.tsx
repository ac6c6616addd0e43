import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { Display } from '../fields/Display';
import { ago, instant, isEmpty } from '../fields/format';
import { t } from '../locale/t';
import type { Entity, Rec } from '../meta/meta';
import { did, through } from './done';
import { Empty, ErrorState, Letter, Loading } from '../ui/bits';

export interface Entry { id: number; kind: string; at: string; via: string; user: { id: number; name: string } | null; before?: Record<string, any> | null }

export function History({ entity: e, id, record: r }: { entity: Entity; id: number; record: Rec }) {
  const list = useQuery({ queryKey: ['history', e.name, id, r.version], queryFn: ({ signal }) => get<{ items: Entry[] }>(`/${e.plural}/${id}/history`, { limit: 50 }, signal) });
  if (list.error) return <ErrorState error={list.error} />;
  if (list.isPending) return <Loading height={80} />;
  if (list.data.items.length === 0) return <Empty title={t('history.empty')} />;
  // what a field held after is the next newer entry, or the record itself
  const after: Record<string, any> = { ...r };
  const entries = list.data.items.map((x) => {
    const changes = Object.entries(x.before ?? {}).map(([name, before]) => { const now = after[name]; after[name] = before; return { field: e.fields.find((f) => f.name === name), before, now }; });
    return { x, changes };
  });
  return (
    <ol className="plainlist" style={{ display: 'block' }}>
      {entries.map(({ x, changes }) => (
        <li key={x.id} className="entry" style={{ display: 'grid' }}>
          <Letter text={x.user?.name ?? '·'} />
          <div style={{ minWidth: 0 }}>
            <b style={{ fontWeight: 600 }}>{x.user?.name ?? t('history.nobody')}</b> <span className="when">{did(x.kind)} · <time dateTime={x.at} title={instant(x.at)}>{ago(x.at)}</time> · {through(x.via)}</span>
            {changes.map((c, i) => c.field && <div key={i} style={{ display: 'flex', gap: 8, flexWrap: 'wrap', alignItems: 'center', marginTop: 3 }}><span className="when">{c.field.label}</span><s style={{ textDecorationColor: 'var(--mantine-color-dimmed)' }}>{isEmpty(c.before) ? '–' : <Display field={c.field} value={c.before} short />}</s><span aria-label={t('history.became')}>→</span><span>{isEmpty(c.now) ? '–' : <Display field={c.field} value={c.now} short />}</span></div>)}
          </div>
        </li>
      ))}
    </ol>
  );
}
