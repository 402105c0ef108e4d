// Loaded only on pages with a chart.  An element with `data-chart` holds what to draw as JSON (uptake.web.pages.charts):
// {days, series: [{name, values, kind: area|line|bar, color, stack}], least, most, step, unit, partial}.  How it looks is decided here,
// from the tokens, and again when the colour scheme changes.
import { init, use } from 'echarts/core'
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, LineChart, GridComponent, MarkLineComponent, TooltipComponent, SVGRenderer])

// Days are named as the server names them.
const dayName = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
const longDay = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' })
// Intl writes Sept where everything else of the app writes Sep.
const named = (format, day) => format.format(new Date(day)).replace('Sept', 'Sep')
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 })

// ECharts does not know light-dark() or oklch(): a canvas turns any colour of the tokens into plain rgb.
const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
function token(name, probe) {
  probe.setAttribute('fill', `var(--${name})`)
  pen.clearRect(0, 0, 1, 1)
  pen.fillStyle = getComputedStyle(probe).fill
  pen.fillRect(0, 0, 1, 1)
  const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data
  return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`
}

function palette() {
  const probe = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  document.body.append(probe)
  const names = ['text', 'muted', 'faint', 'line', 'line-strong', 'raised', 'surface', 'series-1', 'series-2', 'series-3', 'level-most', 'level-slightly', 'level-passive', 'level-least']
  const colors = Object.fromEntries(names.map((name) => [name, token(name, probe)]))
  probe.remove()
  return colors
}

function tooltip(spec, colors) {
  return {
    trigger: 'axis',
    renderMode: 'richText', // an HTML tooltip writes style attributes, which the content security policy refuses
    backgroundColor: colors.raised,
    borderColor: colors['line-strong'],
    borderWidth: 1,
    borderRadius: 6,
    padding: [6, 10],
    textStyle: { color: colors.text, fontSize: 12, lineHeight: 18 },
    axisPointer: { type: spec.series[0].kind === 'bar' ? 'shadow' : 'line', lineStyle: { color: colors['line-strong'] }, shadowStyle: { color: colors.line, opacity: 0.4 } },
    formatter(points) {
      const index = points[0].dataIndex
      const day = named(longDay, spec.days[index])
      const note = spec.partial && index === spec.days.length - 1 ? ' (so far)' : ''
      return [day + note, ...(spec.series[0].stack ? points.toReversed() : points).map((point) => `${point.seriesName}: ${number.format(point.value)}${spec.unit ?? ''}`)].join('\n')
    },
  }
}

// Days from which something is otherwise: a dashed line with a name.
function markLine(spec, colors) {
  const data = (spec.marks ?? []).map(({ day, text }) => ({ xAxis: spec.days.indexOf(day), name: text })).filter(({ xAxis }) => xAxis >= 0)
  return data.length === 0 ? undefined : {
    data,
    silent: true,
    symbol: 'none',
    animation: false,
    lineStyle: { color: colors.muted, width: 1, type: [3, 3] },
    label: { formatter: '{b}', position: 'insideEndTop', color: colors.muted, fontSize: 11 },
  }
}

function series(spec, colors) {
  return spec.series.map(({ name, values, kind, color, stack }, index) => ({
    markLine: index === 0 ? markLine(spec, colors) : undefined,
    name,
    data: values,
    stack: stack || undefined,
    type: kind === 'bar' ? 'bar' : 'line',
    stack: stack || undefined,
    itemStyle: { color: colors[color], opacity: 0.8, borderRadius: [2, 2, 0, 0] },
    lineStyle: { width: stack ? 1 : 1.75, color: colors[color] },
    areaStyle: kind === 'area' ? { color: colors[color], opacity: stack ? 0.55 : 0.09 } : undefined,
    barMaxWidth: 14,
    showSymbol: values.length === 1,
    symbol: 'circle',
    symbolSize: 6,
    emphasis: { disabled: kind !== 'bar' },
  }))
}

function option(spec, colors, width) {
  const every = Math.max(1, Math.ceil(spec.days.length / Math.max(2, Math.floor(width / 90))))
  return {
    animation: false,
    grid: { left: 4, right: 10, top: 10, bottom: 2, containLabel: true },
    tooltip: tooltip(spec, colors),
    xAxis: {
      type: 'category',
      data: spec.days.map((day) => named(dayName, day)),
      boundaryGap: spec.series[0].kind === 'bar',
      axisLine: { lineStyle: { color: colors['line-strong'] } },
      axisTick: { show: false },
      axisLabel: { color: colors.faint, fontSize: 11, hideOverlap: true, interval: (index) => (spec.days.length - 1 - index) % every === 0, alignMaxLabel: 'right' },
    },
    yAxis: {
      type: 'value',
      min: spec.least ?? undefined,
      max: spec.most ?? (spec.unit === '%' ? ({ max }) => (max > 80 ? 100 : null) : undefined), // not 120 %
      interval: spec.step ?? undefined,
      minInterval: 1,
      splitNumber: 3,
      axisLabel: { color: colors.faint, fontSize: 11, formatter: (value) => number.format(value) },
      splitLine: { lineStyle: { color: colors.line } },
    },
    series: series(spec, colors),
  }
}

function draw(element) {
  const spec = JSON.parse(element.dataset.chart)
  const chart = init(element, null, { renderer: 'svg' })
  const paint = () => chart.setOption(option(spec, palette(), element.clientWidth), true)
  paint()
  new ResizeObserver(() => { chart.resize(); paint() }).observe(element)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint)
  document.addEventListener('theme', paint)
}

document.querySelectorAll('[data-chart]').forEach(draw)
document.addEventListener('htmx:after:swap', () => {
  document.querySelectorAll('[data-chart]:not([_echarts_instance_])').forEach(draw)
})
