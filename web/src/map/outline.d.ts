declare module 'virtual:outline' {
  /** Paths in a Mercator square of `size`; made by scripts/outline.mjs. */
  const outline: { size: number; land: string; borders: string };
  export default outline;
}
