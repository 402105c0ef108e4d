"""What is looked for on every open page: can everyone read it, press what is there, and see where the focus is?"""

from pathlib import Path

from playwright.sync_api import Page

SIZES = {1440: 900, 390: 844}
SCHEMES = ("light", "dark")
OPENED = [(1440, "light"), (390, "dark")]
"""The width and the scheme that a page is opened in: each width once, and each scheme."""

AXE = """axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'], selectors: false})"""
READ = "axe.run(document, {runOnly: ['color-contrast'], resultTypes: ['violations'], selectors: false})"
"""Without the list of what is well, and without an address for each node: that takes longer than looking does."""

DRAWN = "[...document.querySelectorAll('[data-chart]')].every(each => !each.offsetWidth || each.querySelector('svg'))"
GRAVE = ("serious", "critical")

FEWEST_PX = 40
CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary"
SMALL = """([controls, least]) => [...document.querySelectorAll(controls)]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && !each.disabled && !each.closest('svg, .skip'))
  .map(each => {
    const ticked = each.type === 'checkbox' || each.type === 'radio'
    const box = (ticked && each.labels[0] || each).getBoundingClientRect()
    const parts = ['::before', '::after'].map(part => getComputedStyle(each, part))
    const over = parts.filter(part => part.position === 'absolute')
    const size = side => Math.max(box[side], ...over.map(part => parseFloat(part[side]) || 0)) + 0.5
    const small = size('height') < least || each.matches('.icon-only, .segmented > *') && size('width') < least
    return small && `${Math.round(size('width'))} x ${Math.round(size('height'))}: ${each.outerHTML.slice(0, 160)}`
  }).filter(Boolean)"""
CUT = """[...document.querySelectorAll('.chip, .tabs > *, .segmented > *, .button')]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && each.scrollWidth > each.clientWidth + 1)
  .map(each => `cut: ${each.outerHTML.slice(0, 160)}`)"""
UNMARKED = """controls => [...document.querySelectorAll(controls + ', [tabindex="0"]')]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && !each.disabled && each.tabIndex >= 0)
  .filter(each => {
    each.focus({focusVisible: true, preventScroll: true})
    const card = each.closest('.curve, .choice')
    const shown = [getComputedStyle(each), getComputedStyle(each, '::after'), ...card ? [getComputedStyle(card)] : []]
    return document.activeElement !== each
      || !shown.some(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)
  }).map(each => each.outerHTML.slice(0, 160))"""


def grave(page: Page, axe: str, name: str, asked: str = AXE) -> list[str]:
    """What axe finds serious or critical on the page."""
    if page.evaluate("!('axe' in window)"):
        page.evaluate(axe)
    told = [each for each in page.evaluate(asked)["violations"] if each["impact"] in GRAVE]
    return [f"{name}: {each['id']}: {node['html'][:160]}" for each in told for node in each["nodes"][:3]]


def looked_at(page: Page, axe: str, shots: Path, name: str) -> list[str]:
    """What is wrong with the page as it is open, and then in the other scheme; it is left in the one it was in.

    Contrast is looked at in both schemes, structure in the one it was opened in.
    """
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    found = []
    for scheme, asked in ((SCHEMES[dark], AXE), (SCHEMES[not dark], READ)):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(DRAWN)
        width, overflow = page.evaluate("[innerWidth, document.documentElement.scrollWidth - innerWidth]")
        page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
        found += [f"{name}: {overflow} px too wide"] if overflow > 0 else []
        found += [f"{scheme}: {each}" for each in grave(page, axe, name, asked)]
    page.emulate_media(color_scheme=SCHEMES[dark])
    return found


def hard_to_press(page: Page, name: str) -> list[str]:
    """What is under 40 px, or cut off."""
    return [f"{name}: {each}" for each in [*page.evaluate(SMALL, [CONTROLS, FEWEST_PX]), *page.evaluate(CUT)]]


def unmarked(page: Page, name: str) -> list[str]:
    """What takes the focus without an outline of 2 px, on itself or on the row or card that it stands for."""
    return [f"{name}: {each}" for each in page.evaluate(UNMARKED, CONTROLS)]
