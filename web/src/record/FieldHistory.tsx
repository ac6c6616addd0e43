// What one field held before, and who changed it: asked for only when somebody wants to know.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { Display } from '../fields/Display';
import { ago, instant, isEmpty } from '../fields/format';
import { t } from '../locale/t';
import type { Entity, Field, Rec } from '../meta/meta';
import { ErrorState, Loading } from '../ui/bits';
import type { Entry } from './History';

export default function FieldHistory({ entity: e, record: r, field: f }: { entity: Entity; record: Rec; field: Field }) {
  const q = useQuery({ queryKey: ['history', e.name, r.id, 'field', r.version], queryFn: ({ signal }) => get<{ items: Entry[] }>(`/${e.plural}/${r.id}/history`, { limit: 200 }, signal) });
  if (q.error) return <ErrorState error={q.error} />;
  if (!q.data) return <Loading height={60} />;
  const changes = q.data.items.filter((x) => x.before && f.name in x.before);
  if (!changes.length) return <div className="dim">{t('history.never')}</div>;
  return (
    <ol className="plainlist">
      {changes.map((x) => <li key={x.id} style={{ display: 'block' }}><div>{t('history.was')} <b>{isEmpty(x.before![f.name]) ? '–' : <Display field={f} value={x.before![f.name]} short />}</b></div><small className="dim">{x.user?.name ?? t('history.nobody')} · <time dateTime={x.at} title={instant(x.at)}>{ago(x.at)}</time></small></li>)}
    </ol>
  );
}
