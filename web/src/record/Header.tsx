// The head of a record: what it is, how it stands, whose it is, what can be done, and the steps to its neighbours in the list.
import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useReducer } from 'react';
import { useLocation } from 'wouter';
import { call } from '../api/client';
import { Display } from '../fields/Display';
import { isEmpty } from '../fields/format';
import { lengthen, trailOf } from '../list/trail';
import { t } from '../locale/t';
import { address, can, titleOf, type Action, type Entity, type Rec } from '../meta/meta';
import { Letter } from '../ui/bits';
import { Menu } from '../ui/Drop';
import { Link } from '../ui/Link';
import { say, sayError } from '../ui/undo';

function Steps({ entity: e, id }: { entity: Entity; id: number }) {
  const [, go] = useLocation();
  const trail = trailOf(e.name);
  const at = trail?.ids.indexOf(id) ?? -1;
  const to = (by: number) => (at < 0 ? undefined : trail!.ids[at + by]);
  const before = to(-1), after = to(1);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const near = at >= 0 && !!trail!.more && at >= trail!.ids.length - 10;
  useEffect(() => { if (near) void lengthen(e.name).then(redraw); }, [near, id, e.name]);
  useEffect(() => {
    const f = (ev: KeyboardEvent) => {
      const next = ev.key === 'j' ? after : ev.key === 'k' ? before : undefined;
      if (next === undefined || ev.ctrlKey || ev.metaKey || ev.altKey || (ev.target as HTMLElement).closest?.('input, textarea, select, [role=dialog], [role=listbox], [role=menu]')) return;
      ev.preventDefault();
      go(address(e, next));
    };
    document.addEventListener('keydown', f);
    return () => document.removeEventListener('keydown', f);
  });
  if (at < 0) return null;
  const step = (n: number | undefined, label: string, sign: string) => <button type="button" className="more lined" aria-label={label} disabled={n === undefined} onClick={() => go(address(e, n!))}>{sign}</button>;
  return <span className="steps">{step(before, t('record.before'), '↑')}{step(after, t('record.after'), '↓')}<small className="dim num">{t('record.place', { n: at + 1, of: `${trail!.ids.length}${trail!.more ? '+' : ''}` })}</small></span>;
}

const words = (s: string) => { const w = s.replaceAll('_', ' '); return w.charAt(0).toUpperCase() + w.slice(1); };

export function Header({ entity: e, record: r, without = [], onDelete }: { entity: Entity; record: Rec; /** actions that stand elsewhere */ without?: string[]; /** left out: it is gone */ onDelete?: () => void }) {
  const client = useQueryClient();
  const pills = e.fields.filter((f) => f.kind === 'choice' && !f.group && !isEmpty(r[f.name])).slice(0, 3);
  const owner = e.fields.find((f) => f.standard && f.name === 'owner');
  // those that ask for nothing can be done with a click
  const actions = (e.actions ?? []).filter((a) => a.takes !== 'none' && !without.includes(a.name) && a.effect !== 'read' && !(a.input ?? []).some((f) => f.required));
  async function run(a: Action) {
    try {
      const { status } = await call('POST', `/${e.plural}/${r.id}/${a.name}`, {});
      say('action', status === 202 ? t('action.queued', { name: words(a.name) }) : t('action.done', { name: words(a.name) }));
      await client.invalidateQueries({ queryKey: ['record', e.name, r.id] });
    } catch (x) { sayError(x); }
  }
  const back = trailOf(e.name)?.href ?? address(e);
  return (
    <div className="bar recordbar">
      <Letter big text={titleOf(e, r)} of={e.name} />
      <div className="grow">
        <Link className="reflink" href={back} style={{ fontSize: 12.5 }}>{e.label_plural}</Link>
        <h1>{titleOf(e, r)}</h1>
      </div>
      <span className="chips pills">{pills.map((f) => <Display key={f.name} field={f} value={r[f.name]} />)}</span>
      {owner && r.owner && <span className="owner" title={owner.label}><Letter text={r.owner.name ?? '?'} /><span className="cut">{r.owner.name}</span></span>}
      <Steps entity={e} id={r.id} />
      {actions.slice(0, 1).map((a) => <Button key={a.name} size="xs" title={a.help} onClick={() => void run(a)}>{words(a.name)}</Button>)}
      {actions.length > 1 && (
        <Menu target={<button type="button" className="more lined" aria-label={t('list.more')}>⋯</button>} lines={actions.slice(1).map((a) => ({ label: words(a.name), title: a.help, run: () => void run(a) }))} />
      )}
      {onDelete && can(e, 'delete') && <Button size="xs" variant="default" onClick={onDelete}>{t('record.delete')}</Button>}
    </div>
  );
}
