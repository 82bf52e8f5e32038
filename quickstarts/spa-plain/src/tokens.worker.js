// Holds the tokens if tokens.js chooses the worker; else nothing loads this file.
import { startTokenWorker } from 'coatcheck/token-worker'
import { settings } from './settings.js'

startTokenWorker(settings)
