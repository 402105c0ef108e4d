// Loaded only on pages with a chart. Each element with `data-chart` holds an ECharts option as JSON.
import { init, use } from 'echarts/core'
import { BarChart, LineChart } from 'echarts/charts'
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, LineChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, SVGRenderer])

function draw(element) {
  const { tooltip, ...option } = JSON.parse(element.dataset.chart)
  const chart = init(element, null, { renderer: 'svg' })
  // An HTML tooltip writes style attributes, which the content security policy refuses.
  chart.setOption({ aria: { enabled: true }, ...option, tooltip: { ...tooltip, renderMode: 'richText' } })
  new ResizeObserver(() => chart.resize()).observe(element)
}

document.querySelectorAll('[data-chart]').forEach(draw)
