// One picture of groups: bars, a line, a ring, a funnel. Every part leads to the records behind it, by the pointer and, in the
// legend, by the keyboard. Serves the chart of a list and the tiles of a dashboard.
import { BarChart, DonutChart, LineChart } from '@mantine/charts';
import '@mantine/charts/styles.css';
import { useLocation } from 'wouter';
import { number } from '../fields/format';
import type { Group as Part } from '../list/groups';
import { t } from '../locale/t';
import { Link } from '../ui/Link';

const COLOURS = ['indigo.6', 'teal.6', 'orange.6', 'grape.6', 'cyan.6', 'pink.6', 'lime.7', 'violet.6', 'blue.6', 'yellow.7', 'red.6', 'green.6'];
const colour = (i: number) => COLOURS[i % COLOURS.length]!;
const css = (i: number) => `var(--mantine-color-${colour(i).replace('.', '-')})`;

export interface DrawingProps {
  kind: string; label: string; name: string; parts: Part[]; height: number;
  value: (p: Part) => number; words: (p: Part) => string; href: (p: Part) => string;
  /** in a tile the legend is not shown below bars and lines: their axis says the same */
  slim?: boolean;
}

/** How many stand at each stage, and their share of all. */
function Funnel({ label, parts, value, words, href }: DrawingProps) {
  const most = Math.max(1, ...parts.map(value));
  const all = parts.reduce((sum, p) => sum + value(p), 0);
  const share = (a: number) => (all > 0 ? `${number(Math.round((100 * a) / all))} %` : '');
  return (
    <ol className="funnel" aria-label={label} data-chart="funnel">
      {parts.map((p, i) => (
        <li key={p.key}>
          <Link className="reflink funnelname cut" href={href(p)}>{p.label}</Link>
          <span className="funnelbar"><span style={{ width: `${Math.max(1, (100 * value(p)) / most)}%`, background: css(i) }} /></span>
          <span className="num funnelnumber">{words(p)}<small className="dim" title={t('chart.ofall')}> {share(value(p))}</small></span>
        </li>
      ))}
    </ol>
  );
}

export default function Drawing(props: DrawingProps) {
  const { kind, label, name, parts, height, value, words, href, slim } = props;
  const [, go] = useLocation();
  if (kind === 'funnel') return <Funnel {...props} />;
  const data = parts.map((p, i) => ({ name: p.label, [name]: value(p), value: value(p), color: colour(i), i }));
  const picked = (p: any) => { const part = parts[p?.payload?.i ?? p?.i]; if (part) go(href(part)); };
  const format = (n: number) => number(n, 2);
  const size = Math.min(slim ? 190 : 300, height - 10);
  return (
    <div className={slim && kind === 'donut' ? 'drawing beside' : 'drawing'}>
      <figure className="chart" aria-label={label} data-chart={kind}>
        {kind === 'donut' ? <DonutChart data={data} size={size} thickness={Math.round(size / 5.4)} withTooltip tooltipDataSource="segment" valueFormatter={format} pieProps={{ isAnimationActive: false, onClick: picked, style: { cursor: 'pointer' } }} />
          : kind === 'line' ? <LineChart h={height} data={data} dataKey="name" series={[{ name, color: 'indigo.6' }]} valueFormatter={format} curveType="linear" lineProps={{ isAnimationActive: false, activeDot: { onClick: (_: unknown, p: unknown) => picked(p), style: { cursor: 'pointer' } } } as object} />
            : <BarChart h={height} data={data} dataKey="name" series={[{ name, color: 'indigo.6' }]} valueFormatter={format} barProps={{ isAnimationActive: false, onClick: picked, style: { cursor: 'pointer' } }} />}
      </figure>
      <ul className={slim && kind !== 'donut' ? 'legend hide' : 'legend'} aria-label={name}>{parts.map((p, i) => <li key={p.key}>{kind === 'donut' && <span aria-hidden className="dot" style={{ background: css(i) }} />}<Link className="reflink" href={href(p)}>{p.label}</Link> <span className="num dim">{words(p)}</span></li>)}</ul>
    </div>
  );
}
