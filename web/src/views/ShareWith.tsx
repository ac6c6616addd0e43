// Teams with which a view or a dashboard is shared, by the same shares as any record.
import { Checkbox } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call, get } from '../api/client';
import { t } from '../locale/t';
import { titleOf, useMeta, type Rec } from '../meta/meta';
import { sayError } from '../ui/undo';

export default function ShareWith({ entity, id }: { entity: string; id: number }) {
  const meta = useMeta();
  const client = useQueryClient();
  const shares = meta.entity('share'), field = shares?.fields.find((f) => f.name === 'with_team');
  const teams = meta.entity(field?.target ?? '');
  const list = useQuery({ queryKey: ['related', teams?.name, 'share'], enabled: !!teams, queryFn: ({ signal }) => get<{ items: Rec[] }>(`/${teams!.plural}`, { fields: ['id', teams!.title].join(','), limit: 200 }, signal) });
  const key = ['related', 'share', entity, id];
  const given = useQuery({ queryKey: key, enabled: !!shares, queryFn: async ({ signal }) => {
    // what one has shared oneself: a filter cannot ask for the record of a share
    const all = await get<{ items: Rec[] }>(`/${shares!.plural}`, { where: 'created_by = me and with_team is not empty', fields: 'id,record,with_team', sort: '-id', limit: 200 }, signal);
    return { items: all.items.filter((s) => s.record?.entity === entity && s.record.id === id) };
  } });
  if (!teams || !shares || !list.data?.items.length) return null;
  const toggle = async (team: Rec, share: Rec | undefined) => {
    try {
      if (share) await call('DELETE', `/${shares.plural}/${share.id}`);
      else await call('POST', `/${shares.plural}`, { record: { entity, id }, with_team: team.id, level: 'read' });
      await client.invalidateQueries({ queryKey: key });
    } catch (x) { sayError(x); }
  };
  return (
    <div role="group" aria-label={t('view.share.teams')}>
      <div className="dim" style={{ marginBottom: 6 }}>{t('view.share.teams')}</div>
      {list.data.items.map((team) => { const share = given.data?.items.find((s) => s.with_team?.id === team.id); return <Checkbox key={team.id} size="xs" mb={5} label={titleOf(teams, team)} disabled={!given.data} checked={!!share} onChange={() => void toggle(team, share)} />; })}
    </div>
  );
}
