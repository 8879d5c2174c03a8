"""A bar chart as SVG: groups of bars, a bar for each engine, in colours that also differ in lightness."""
from xml.sax.saxutils import escape

COLOURS = ("#0b3c5d", "#d1495b", "#edae49", "#66a182", "#8d96a3", "#5f0f40", "#9a8c98", "#2e4057")
WIDTH, ROW, GAP, LEFT, RIGHT, TOP = 860, 16, 14, 170, 70, 44


def nice_step(most):
    """A round distance for about five lines."""
    step = 10 ** (len(str(int(most))) - 1)
    while most / step < 4:
        step /= 2
    return step


def bars(title, unit, groups):
    """groups: [(label, [(engine, value)])]. The text of an SVG file."""
    engines = list(dict.fromkeys(engine for _, values in groups for engine, _ in values))
    colour = {engine: COLOURS[i % len(COLOURS)] for i, engine in enumerate(engines)}
    most = max((v for _, values in groups for _, v in values), default=1)
    scale = (WIDTH - LEFT - RIGHT) / most
    rows = sum(len(values) for _, values in groups)
    bottom = TOP + rows * ROW + len(groups) * GAP
    legend = bottom + 34
    height = legend + 18 * ((len(engines) + 2) // 3)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12" role="img">',
           f"<title>{escape(title)}</title>",
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           f'<text x="{LEFT}" y="22" font-size="15" fill="#222">{escape(title)}</text>']
    step = nice_step(most)
    for i in range(int(most / step) + 1):
        x = LEFT + i * step * scale
        out.append(f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle" fill="#555">'
                   f'{i * step:,.0f}</text>')
    out.append(f'<text x="{WIDTH - 8}" y="{bottom + 14}" text-anchor="end" fill="#555">'
               f'{escape(unit)}</text>')
    y = TOP
    for label, values in groups:
        middle = y + len(values) * ROW / 2 + 4
        out.append(f'<text x="{LEFT - 10}" y="{middle:.1f}" text-anchor="end" fill="#222">'
                   f'{escape(label)}</text>')
        for engine, value in values:
            width = value * scale
            out.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{ROW - 3}" '
                       f'fill="{colour[engine]}"/>')
            out.append(f'<text x="{LEFT + width + 5:.1f}" y="{y + 11}" font-size="11" fill="#222">'
                       f'{value:,.0f}</text>')
            y += ROW
        y += GAP
    for i, engine in enumerate(engines):
        x, at = LEFT + i % 3 * 225, legend + i // 3 * 18
        out.append(f'<rect x="{x}" y="{at - 9}" width="10" height="10" fill="{colour[engine]}"/>')
        out.append(f'<text x="{x + 15}" y="{at}" fill="#222">{escape(engine)}</text>')
    return "\n".join(out + ["</svg>", ""])
