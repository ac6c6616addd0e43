// A line of what was found day by day, small enough to stand in a row.
import { t } from '../locale/t';
import { date, number } from '../fields/format';

const W = 90, H = 24;
/** `trend`: the newest first, as the server gives it. */
export function Spark({ trend }: { trend: { day: string; found: number }[] }) {
  const days = [...trend].reverse();
  if (days.length < 2) return <span className="dim">–</span>;
  const most = Math.max(1, ...days.map((d) => d.found));
  const x = (i: number) => (i / (days.length - 1)) * W, y = (n: number) => H - 2 - (n / most) * (H - 4);
  const first = days[0]!, last = days[days.length - 1]!;
  return (
    <svg className="spark" width={W} height={H} viewBox={`0 0 ${W} ${H}`} role="img" aria-label={t('quality.trend.of', { from: number(first.found), day: date(first.day), to: number(last.found) })}>
      <polyline fill="none" stroke="var(--mantine-primary-color-filled)" strokeWidth="1.5" points={days.map((d, i) => `${x(i).toFixed(1)},${y(d.found).toFixed(1)}`).join(' ')} />
      <circle cx={W} cy={y(last.found)} r="2.5" fill="var(--mantine-primary-color-filled)" />
    </svg>
  );
}
