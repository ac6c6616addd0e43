// What may be wider than the screen: it scrolls by itself, and a shadow at the edge says that more follows there.
import { useEffect, useRef, useState, type HTMLAttributes } from 'react';

interface Edges { wide: boolean; start: boolean; end: boolean }

/** `label`: what the region is called, which takes the focus once it scrolls; without one its content takes it. */
export function ScrollX({ label, className = '', role = 'region', children, ...rest }: { label?: string } & HTMLAttributes<HTMLDivElement>) {
  const box = useRef<HTMLDivElement>(null);
  const [edges, setEdges] = useState<Edges>({ wide: false, start: false, end: false });
  useEffect(() => {
    const el = box.current!;
    const look = () => {
      const at = Math.abs(el.scrollLeft), over = el.scrollWidth - el.clientWidth;
      const now = { wide: over > 1, start: at > 1, end: at < over - 1 };
      setEdges((was) => (was.wide === now.wide && was.start === now.start && was.end === now.end ? was : now));
    };
    const watch = new ResizeObserver(look);
    watch.observe(el);
    for (const inside of el.children) watch.observe(inside);
    el.addEventListener('scroll', look, { passive: true });
    look();
    return () => { watch.disconnect(); el.removeEventListener('scroll', look); };
  }, []);
  return (
    <div className="scrollbox" data-start={edges.start || undefined} data-end={edges.end || undefined}>
      <div {...rest} {...(label !== undefined && { role, 'aria-label': label, tabIndex: edges.wide ? 0 : undefined })} ref={box} className={`scrollx ${className}`.trim()}>{children}</div>
    </div>
  );
}
