// Segment's own Accoil Analytics destination, sending to another host: node send.js URL < orders.json
// An order is {key, event}, which goes through the five presets, or {key}, which is the connection test.
const accoil = '@segment/action-destinations/dist/destinations/accoil-analytics'
const { Destination } = require('@segment/actions-core')
const utils = require(`${accoil}/utils`)

const host = process.argv[2]
const url = utils.endpointUrl
utils.endpointUrl = (key) => url(key).replace(/^https:\/\/in(staging)?\.accoil\.com/, host)

const definition = require(accoil).default
const destination = new Destination(definition)

async function obey ({ key, event }) {
  try {
    if (!event) {
      await destination.testAuthentication({ api_key: key })
      return ['connected']
    }
    const results = await destination.onEvent(event, { api_key: key, subscriptions: definition.presets })
    return results.map((result) => result.output)
  } catch (error) {
    return { error: error.message, status: error.response?.status }
  }
}

async function main () {
  const outcomes = []
  for (const order of JSON.parse(require('fs').readFileSync(0, 'utf8'))) outcomes.push(await obey(order))
  process.stdout.write(JSON.stringify(outcomes))
}

main()
