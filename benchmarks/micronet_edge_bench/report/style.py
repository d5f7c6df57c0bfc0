"""The report's additions to the common style: bars, scatter plots, facts, colours."""

STYLE = """
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.15rem; margin: 0 0 .7rem; padding: 0;
  list-style: none; color: var(--soft); font-size: .88rem; }
.legend li { display: flex; align-items: center; gap: .45rem; margin: 0; }
.legend svg { flex: none; }
i { display: inline-block; flex: none; width: .8em; height: .8em; border-radius: 2px; background: var(--c);
  margin-right: .45em; }
.legend i { margin: 0; }
.naive i { opacity: .5; }

.bars .row { display: grid; grid-template-columns: minmax(8rem, 17rem) minmax(0, 1fr) 4.2rem;
  grid-template-areas: "name plot value"; column-gap: .9rem; align-items: center; }
.row .name { grid-area: name; font-size: .88rem; line-height: 1.25; overflow-wrap: anywhere;
  padding: .22rem 0; }
.row .value { grid-area: value; text-align: right; font-size: .9rem; font-weight: 600; }
.row svg { grid-area: plot; display: block; width: 100%; overflow: visible; align-self: stretch;
  height: 100%; min-height: 26px; }
.row svg svg { min-height: 0; }
.row.axis svg { min-height: 16px; height: 16px; }
.axis .value { color: var(--soft); font-weight: 400; font-size: .82rem; }
.bars .row:not(.axis):hover { background: var(--band); }

svg .bar { fill: var(--c); }
svg .naive .bar, .naive svg .bar { opacity: .5; }
svg .quartiles { stroke: var(--ink); stroke-width: 2; }
.row svg circle { fill: var(--paper); stroke: var(--ink); stroke-width: 1.1; }
svg .part { fill: var(--c); stroke: var(--paper); stroke-width: 1; }
svg .inside { fill: var(--on); text-anchor: middle; font-weight: 600; pointer-events: none; }

.scatter { display: block; width: 100%; height: auto; }
.mark { fill: var(--c); fill-opacity: .85; stroke: var(--c); stroke-width: 1.4; }
.naive .mark { fill: var(--paper); fill-opacity: 1; }
svg .label { fill: var(--ink); font-size: 11.5px; }
svg line.speed { stroke: var(--grey); stroke-opacity: .75; stroke-dasharray: 2 4; }
svg line.roof { stroke: var(--red); stroke-width: 1.6; }
svg .beneath { fill: var(--red); fill-opacity: .07; }
svg text.roof { fill: var(--red); font-weight: 600; }
svg .unit { font-size: 11.5px; }

details { margin-top: .55rem; }
details[open] { margin: 1.1rem 0 1.8rem; }
summary { cursor: pointer; font-weight: 600; font-size: .95rem; overflow-wrap: anywhere; }
.facts { margin: .6rem 0 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr));
  gap: .7rem 2rem; }
.facts dt { color: var(--soft); font-size: .82rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.facts div:has(dd:empty) { display: none; }

.float32 { --c: var(--blue); } .float16 { --c: var(--green); } .int8 { --c: var(--orange); }
.int8a16 { --c: var(--purple); } .unknown { --c: var(--grey); }
.stem { --c: var(--teal); } .pointwise { --c: var(--blue); } .depthwise { --c: var(--sky); }
.coefficients { --c: var(--orange); } .application { --c: var(--sand); } .shuffle { --c: var(--rose); }
.fused { --c: var(--brown); }
.residual { --c: var(--purple); } .head { --c: var(--olive); } .overhead1 { --c: var(--g1); }
.overhead2 { --c: var(--g2); } .overhead3 { --c: var(--g3); } .overhead4 { --c: var(--g4); }

@media (max-width: 44rem) {
  .bars .row { grid-template-columns: minmax(0, 1fr) auto; grid-template-areas: "name value" "plot plot"; }
  .bars .row:not(.axis) { margin-bottom: .35rem; }
  .row .name { padding-bottom: .05rem; }
  .row.axis { margin-bottom: .2rem; }
  .facts { grid-template-columns: 1fr; }
}
@media print {
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
