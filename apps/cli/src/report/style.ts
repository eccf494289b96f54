/** The report's style sheet: system fonts, light and dark, no outside resource. */
export const style: string = `
:root{color-scheme:light dark;--bg:#fbfaf8;--card:#fff;--ink:#1d2126;--soft:#667078;--rule:#e4e2dd;--accent:#0b6e6e;--gone:#e9c9b8;--warn:#b3471d;--good:#1f7a4d;
--c0:#0b6e6e;--c1:#d08c2f;--c2:#4f6fb5;--c3:#a8577e;--c4:#6d9a3e;--c5:#8a6fc0;--c6:#c25b4a;--c7:#9aa3a8}
@media(prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2125;--ink:#e6e8ea;--soft:#98a2aa;--rule:#2d343a;--accent:#4fc1b8;--gone:#5b4036;--warn:#f08a5d;--good:#5fcf95;
--c0:#3fa9a1;--c1:#dda44f;--c2:#7d9be0;--c3:#cf84a8;--c4:#95c066;--c5:#ab95e0;--c6:#e08373;--c7:#78828a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:48px 24px 96px}
header{margin-bottom:32px}
.kicker{color:var(--accent);font-weight:600;font-size:.8rem;letter-spacing:.09em;text-transform:uppercase;margin:0}
h1{font-size:clamp(1.7rem,4vw,2.5rem);line-height:1.15;letter-spacing:-.02em;margin:.25em 0 .35em;overflow-wrap:anywhere}
header p.verdict{font-size:1.12rem;color:var(--soft);max-width:46em;margin:0}
h2{font-size:1.25rem;letter-spacing:-.01em;margin:0 0 .2em}
p.lead{color:var(--soft);margin:0 0 1.2em;max-width:52em}
section{margin-top:56px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:16px}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:18px 20px}
.tile span{color:var(--soft);font-size:.85rem}
.tile b{display:block;font-size:2.1rem;font-weight:650;letter-spacing:-.03em;line-height:1.2}
.tile em{font-style:normal;color:var(--soft);font-size:.85rem}
.meter{height:5px;border-radius:3px;background:var(--gone);margin-top:12px;overflow:hidden}
.meter i{display:block;height:100%;background:var(--accent)}
.notice{border-left:4px solid var(--warn);background:var(--card);padding:12px 18px;border-radius:0 10px 10px 0;margin:16px 0}
.notice.good{border-color:var(--good)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.94rem}
th{text-align:right;font-weight:600;color:var(--soft);font-size:.8rem;border-bottom:1px solid var(--rule);padding:8px 10px;white-space:nowrap}
td{text-align:right;border-bottom:1px solid var(--rule);padding:10px;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
td small{color:var(--soft)}
table.text td{white-space:normal;text-align:left}table.text th{text-align:left}
.curves{display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:12px}
.curve{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:10px 12px 6px}
figcaption{display:flex;justify-content:space-between;gap:8px;font-size:.78rem;color:var(--soft)}
figcaption span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.curve svg{width:100%;display:block}
svg text{font-size:9px;fill:var(--soft)}
svg .axis,svg .grid{stroke:var(--rule);stroke-width:1}
svg .line{fill:none;stroke:var(--accent);stroke-width:1.8;stroke-linejoin:round}
svg .area{fill:var(--accent);fill-opacity:.13}
svg circle{fill:var(--accent)}
svg .cut{stroke:var(--warn);stroke-width:1.2;stroke-dasharray:3 2}
svg.trade{width:100%;max-width:760px;background:var(--card);border:1px solid var(--rule);border-radius:12px}
svg.trade text{font-size:12px}svg.trade .tried{fill:var(--card);stroke:var(--accent);stroke-width:2}svg.trade .chosen{fill:var(--warn)}svg.trade .label{font-weight:600}
.bars{display:grid;gap:3px}
.bar{display:grid;grid-template-columns:minmax(90px,210px) 1fr minmax(86px,auto);gap:12px;align-items:center;font-size:.8rem}
.bar .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;color:var(--soft);text-align:right}
.bar .track{display:flex;height:13px}
.bar .track i{display:block;height:100%}
.bar .track i:first-child{border-radius:3px 0 0 3px}.bar .track i:last-child{border-radius:0 3px 3px 0}
.bar.tall{font-size:.92rem;margin:5px 0}.bar.tall .track{height:28px}
i.kept{background:var(--accent)}i.gone{background:var(--gone)}
.c0{background:var(--c0)}.c1{background:var(--c1)}.c2{background:var(--c2)}.c3{background:var(--c3)}.c4{background:var(--c4)}.c5{background:var(--c5)}.c6{background:var(--c6)}.c7{background:var(--c7)}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;margin-top:14px;font-size:.85rem;color:var(--soft)}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:16px;margin-bottom:28px}
.pair figure{margin:0}.pair img{width:100%;border-radius:8px;border:1px solid var(--rule);display:block;background:#fff}
.pair figcaption{padding-top:6px;font-size:.85rem}
dl{display:grid;grid-template-columns:minmax(120px,max-content) 1fr;gap:6px 24px;margin:0;font-size:.93rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
details{margin-top:18px}summary{cursor:pointer;color:var(--accent)}
footer{margin-top:64px;color:var(--soft);font-size:.85rem}
@media(max-width:640px){.pair{grid-template-columns:1fr}.bar{grid-template-columns:90px 1fr 70px}}
@media print{body{background:#fff}section{break-inside:avoid-page}}
`;
