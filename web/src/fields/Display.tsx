import { address, alarmOf, useMeta, valueKind, type Entity, type Field, type Rec } from '../meta/meta';
import { Chip } from '../ui/bits';
import { Link } from '../ui/Link';
import { ago, asText, isEmpty, slotWord } from './format';

const PALETTE = ['blue', 'teal', 'violet', 'orange', 'cyan', 'pink', 'lime', 'grape', 'indigo', 'yellow'];

export function useChoice(f: Field) {
  const all = useMeta().choices(f);
  return (code: string) => {
    const i = all.findIndex((c) => c.code === code);
    const c = all[i];
    return { label: c?.label || code, colour: c?.colour || (i >= 0 && all.length <= PALETTE.length ? PALETTE[i]! : 'gray') };
  };
}

/** A value as it stands in its record: what calls for attention is marked, by a word as well. */
export function Value({ entity: e, field: f, record: r, short }: { entity: Entity; field: Field; record: Rec; short?: boolean }) {
  const alarm = alarmOf(e, f), shown = <Display field={f} value={r[f.name]} short={short} />;
  return alarm && r[alarm.name] === true ? <span className="alarm"><b>{alarm.label}</b> {shown}</span> : shown;
}

export function Display({ field: f, value: v, short }: { field: Field; value: any; short?: boolean }) {
  const meta = useMeta();
  const choice = useChoice(f);
  if (isEmpty(v)) return null;
  const kind = valueKind(f);
  const linked = (x: any, entity?: string) => {
    const e = entity ? meta.entity(entity) : undefined;
    const name = x.name ?? `#${x.id}`;
    return e && !e.link ? <Link key={entity + String(x.id)} className="reflink" href={address(e, x.id)} onClick={(ev) => ev.stopPropagation()}>{name}</Link> : <span key={x.id}>{name}</span>;
  };
  switch (kind) {
    case 'choice': { const c = choice(v); return <Chip {...c} />; }
    case 'choices': return <span className="chips">{(v as string[]).map((x) => <Chip key={x} {...choice(x)} />)}</span>;
    case 'tags': return <span className="chips">{(v as string[]).map((x) => <Chip key={x} plain label={choice(x).label} />)}</span>;
    case 'reference': case 'file': return typeof v === 'object' ? linked(v, f.target) : <span>{String(v)}</span>;
    case 'any_reference': return linked(v, v.entity);
    case 'many': return <span className="chips">{(v as any[]).map((x) => linked(x, f.target))}</span>;
    case 'instant': return <time dateTime={v} title={short ? asText(f, v, String) : ago(v)}>{asText(f, v, String)}</time>;
    case 'emails': case 'phones': case 'urls': {
      const href = (p: any) => (p.address ? `mailto:${p.address}` : p.number ? `tel:${p.number}` : /^https?:/.test(p.url ?? '') ? p.url : undefined);
      return <span>{(v as any[]).map((p, i) => <span key={i} style={{ display: short ? 'inline' : 'block' }}><a className="reflink" href={href(p)} rel="noreferrer noopener" target={p.url ? '_blank' : undefined}>{p.address ?? p.number ?? p.url}</a>{p.kind ? <small> {slotWord(p.kind)}</small> : null}</span>)}</span>;
    }
    case 'addresses': return <span>{(v as any[]).map((p, i) => <span key={i} style={{ display: 'block' }}>{asText(f, [p], String)}</span>)}</span>;
    default: return <span className={['integer', 'decimal', 'money', 'percent', 'date'].includes(kind) ? 'num' : undefined}>{asText(f, v, (c) => choice(c).label)}</span>;
  }
}
