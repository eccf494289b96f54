import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cloneModel, createRandom, type Model, simplify, Tensor, transform } from "@ocrslim/graph";
import { createPickleWriter } from "@ocrslim/pickle";
import { createRuntime, float32Feed } from "@ocrslim/runtime";
import { expectClose, type NumbersLike, sharedPath } from "@ocrslim/test-utils";
import { describe, expect, test } from "vitest";
import { buildDbDetector } from "../../src/builder/build-db-detector.ts";
import type { DbDetectorConfig } from "../../src/builder/config.ts";
import { OcrDetError } from "../../src/errors.ts";
import { loadPaddleWeights } from "../../src/paddle/load-paddle-weights.ts";
import { type PaddleWeights, readPdparams } from "../../src/paddle/read-pdparams.ts";
import { writeArray } from "../../src/paddle/write-array.ts";
import { encodePdparams, writePdparams } from "../../src/paddle/write-pdparams.ts";
import { createTemporaryFolder } from "../temporary-folder.ts";

const SMALL: DbDetectorConfig = {
  backbone: { name: "MobileNetV3", modelName: "small", scale: 0.35, disableSe: true },
  neck: { name: "DBFPN", outChannels: 16 },
};
const fixtures = sharedPath("fixtures/paddle");

/** Arrays of all kinds as CPython 3.11 and NumPy 1.26 pickle them, by protocol. */
const ARRAYS: Readonly<Record<string, string>> = {
  "0": "KGRwMApWZjQKcDEKY251bXB5LmNvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcDIKKGNudW1weQpuZGFycmF5CnAzCihJMAp0cDQKY19jb2RlY3MKZW5jb2RlCnA1CihWYgpwNgpWbGF0aW4xCnA3CnRwOApScDkKdHAxMApScDExCihJMQooSTIKSTMKdHAxMgpjbnVtcHkKZHR5cGUKcDEzCihWZjQKcDE0CkkwMApJMDEKdHAxNQpScDE2CihJMwpWPApwMTcKTk5OSS0xCkktMQpJMAp0cDE4CmJJMDAKZzUKKFZcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDCAP1x1MDAwMFx1MDAwMFx1MDAwMEBcdTAwMDBcdTAwMDBAQFx1MDAwMFx1MDAwMIBAXHUwMDAwXHUwMDAwoEAKcDE5Cmc3CnRwMjAKUnAyMQp0cDIyCmJzVmJpZwpwMjMKZzIKKGczCihJMAp0cDI0Cmc5CnRwMjUKUnAyNgooSTEKKEkyCkkzCnRwMjcKZzEzCihWZjQKcDI4CkkwMApJMDEKdHAyOQpScDMwCihJMwpWPgpwMzEKTk5OSS0xCkktMQpJMAp0cDMyCmJJMDAKZzUKKFZcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDA/gFx1MDAwMFx1MDAwMEBcdTAwMDBcdTAwMDBcdTAwMDBAQFx1MDAwMFx1MDAwMECAXHUwMDAwXHUwMDAwQKBcdTAwMDBcdTAwMDAKcDMzCmc3CnRwMzQKUnAzNQp0cDM2CmJzVmZvcnRyYW4KcDM3CmcyCihnMwooSTAKdHAzOApnOQp0cDM5ClJwNDAKKEkxCihJMgpJMwpJNAp0cDQxCmcxMwooVmk4CnA0MgpJMDAKSTAxCnRwNDMKUnA0NAooSTMKZzE3Ck5OTkktMQpJLTEKSTAKdHA0NQpiSTAxCmc1CihWXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwDFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMARcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAQXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwCFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMBRcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDABXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDBkXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwBVx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMBFcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAJXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwFVx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMAJcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAOXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwBlx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMBJcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMGFcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAWXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwA1x1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMA9cdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAHXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwE1x1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMAtcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAXXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwCnA0NgpnNwp0cDQ3ClJwNDgKdHA0OQpic1ZmMgpwNTAKZzIKKGczCihJMAp0cDUxCmc5CnRwNTIKUnA1MwooSTEKKEkyCnRwNTQKZzEzCihWZjIKcDU1CkkwMApJMDEKdHA1NgpScDU3CihJMwpnMTcKTk5OSS0xCkktMQpJMAp0cDU4CmJJMDAKZzUKKFZcdTAwMDA4XHUwMDAwwApwNTkKZzcKdHA2MApScDYxCnRwNjIKYnNWYm9vbApwNjMKZzIKKGczCihJMAp0cDY0Cmc5CnRwNjUKUnA2NgooSTEKKEkyCnRwNjcKZzEzCihWYjEKcDY4CkkwMApJMDEKdHA2OQpScDcwCihJMwpWfApwNzEKTk5OSS0xCkktMQpJMAp0cDcyCmJJMDAKZzUKKFYBXHUwMDAwCnA3MwpnNwp0cDc0ClJwNzUKdHA3Ngpic1ZzY2FsYXIKcDc3CmcyCihnMwooSTAKdHA3OApnOQp0cDc5ClJwODAKKEkxCih0ZzEzCihWZjgKcDgxCkkwMApJMDEKdHA4MgpScDgzCihJMwpnMTcKTk5OSS0xCkktMQpJMAp0cDg0CmJJMDAKZzUKKFZcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAMQApwODUKZzcKdHA4NgpScDg3CnRwODgKYnNWbm9uZQpwODkKZzIKKGczCihJMAp0cDkwCmc5CnRwOTEKUnA5MgooSTEKKEkwCkkzCnRwOTMKZzE2CkkwMApjX19idWlsdGluX18KYnl0ZXMKcDk0Cih0UnA5NQp0cDk2CmJzLg==",
  "1": "Y2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnEAKVJxAShYAgAAAGY0cQJjbnVtcHkuY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAyhjbnVtcHkKbmRhcnJheQpxBChLAHRxBWNfY29kZWNzCmVuY29kZQpxBihYAQAAAGJxB1gGAAAAbGF0aW4xcQh0cQlScQp0cQtScQwoSwEoSwJLA3RxDWNudW1weQpkdHlwZQpxDihYAgAAAGY0cQ9JMDAKSTAxCnRxEFJxEShLA1gBAAAAPHESTk5OSv////9K/////0sAdHETYkkwMApoBihYGwAAAAAAAAAAAMKAPwAAAEAAAEBAAADCgEAAAMKgQHEUaAh0cRVScRZ0cRdiWAMAAABiaWdxGGgDKGgEKEsAdHEZaAp0cRpScRsoSwEoSwJLA3RxHGgOKFgCAAAAZjRxHUkwMApJMDEKdHEeUnEfKEsDWAEAAAA+cSBOTk5K/////0r/////SwB0cSFiSTAwCmgGKFgbAAAAAAAAAD/CgAAAQAAAAEBAAABAwoAAAEDCoAAAcSJoCHRxI1JxJHRxJWJYBwAAAGZvcnRyYW5xJmgDKGgEKEsAdHEnaAp0cShScSkoSwEoSwJLA0sEdHEqaA4oWAIAAABpOHErSTAwCkkwMQp0cSxScS0oSwNoEk5OTkr/////Sv////9LAHRxLmJJMDEKaAYoWMAAAAAAAAAAAAAAAAwAAAAAAAAABAAAAAAAAAAQAAAAAAAAAAgAAAAAAAAAFAAAAAAAAAABAAAAAAAAAA0AAAAAAAAABQAAAAAAAAARAAAAAAAAAAkAAAAAAAAAFQAAAAAAAAACAAAAAAAAAA4AAAAAAAAABgAAAAAAAAASAAAAAAAAAAoAAAAAAAAAFgAAAAAAAAADAAAAAAAAAA8AAAAAAAAABwAAAAAAAAATAAAAAAAAAAsAAAAAAAAAFwAAAAAAAABxL2gIdHEwUnExdHEyYlgCAAAAZjJxM2gDKGgEKEsAdHE0aAp0cTVScTYoSwEoSwJ0cTdoDihYAgAAAGYycThJMDAKSTAxCnRxOVJxOihLA2gSTk5OSv////9K/////0sAdHE7YkkwMApoBihYBQAAAAA4AMOAcTxoCHRxPVJxPnRxP2JYBAAAAGJvb2xxQGgDKGgEKEsAdHFBaAp0cUJScUMoSwEoSwJ0cURoDihYAgAAAGIxcUVJMDAKSTAxCnRxRlJxRyhLA1gBAAAAfHFITk5OSv////9K/////0sAdHFJYkkwMApoBihYAgAAAAEAcUpoCHRxS1JxTHRxTWJYBgAAAHNjYWxhcnFOaAMoaAQoSwB0cU9oCnRxUFJxUShLASloDihYAgAAAGY4cVJJMDAKSTAxCnRxU1JxVChLA2gSTk5OSv////9K/////0sAdHFVYkkwMApoBihYCAAAAAAAAAAAAAxAcVZoCHRxV1JxWHRxWWJYBAAAAG5vbmVxWmgDKGgEKEsAdHFbaAp0cVxScV0oSwEoSwBLA3RxXmgRSTAwCmNfX2J1aWx0aW5fXwpieXRlcwpxXylScWB0cWFidS4=",
  "2": "gAJ9cQAoWAIAAABmNHEBY251bXB5LmNvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQJjbnVtcHkKbmRhcnJheQpxA0sAhXEEY19jb2RlY3MKZW5jb2RlCnEFWAEAAABicQZYBgAAAGxhdGluMXEHhnEIUnEJh3EKUnELKEsBSwJLA4ZxDGNudW1weQpkdHlwZQpxDVgCAAAAZjRxDomIh3EPUnEQKEsDWAEAAAA8cRFOTk5K/////0r/////SwB0cRJiiWgFWBsAAAAAAAAAAADCgD8AAABAAABAQAAAwoBAAADCoEBxE2gHhnEUUnEVdHEWYlgDAAAAYmlncRdoAmgDSwCFcRhoCYdxGVJxGihLAUsCSwOGcRtoDVgCAAAAZjRxHImIh3EdUnEeKEsDWAEAAAA+cR9OTk5K/////0r/////SwB0cSBiiWgFWBsAAAAAAAAAP8KAAABAAAAAQEAAAEDCgAAAQMKgAABxIWgHhnEiUnEjdHEkYlgHAAAAZm9ydHJhbnElaAJoA0sAhXEmaAmHcSdScSgoSwFLAksDSwSHcSloDVgCAAAAaThxKomIh3ErUnEsKEsDaBFOTk5K/////0r/////SwB0cS1iiGgFWMAAAAAAAAAAAAAAAAwAAAAAAAAABAAAAAAAAAAQAAAAAAAAAAgAAAAAAAAAFAAAAAAAAAABAAAAAAAAAA0AAAAAAAAABQAAAAAAAAARAAAAAAAAAAkAAAAAAAAAFQAAAAAAAAACAAAAAAAAAA4AAAAAAAAABgAAAAAAAAASAAAAAAAAAAoAAAAAAAAAFgAAAAAAAAADAAAAAAAAAA8AAAAAAAAABwAAAAAAAAATAAAAAAAAAAsAAAAAAAAAFwAAAAAAAABxLmgHhnEvUnEwdHExYlgCAAAAZjJxMmgCaANLAIVxM2gJh3E0UnE1KEsBSwKFcTZoDVgCAAAAZjJxN4mIh3E4UnE5KEsDaBFOTk5K/////0r/////SwB0cTpiiWgFWAUAAAAAOADDgHE7aAeGcTxScT10cT5iWAQAAABib29scT9oAmgDSwCFcUBoCYdxQVJxQihLAUsChXFDaA1YAgAAAGIxcUSJiIdxRVJxRihLA1gBAAAAfHFHTk5OSv////9K/////0sAdHFIYoloBVgCAAAAAQBxSWgHhnFKUnFLdHFMYlgGAAAAc2NhbGFycU1oAmgDSwCFcU5oCYdxT1JxUChLASloDVgCAAAAZjhxUYmIh3FSUnFTKEsDaBFOTk5K/////0r/////SwB0cVRiiWgFWAgAAAAAAAAAAAAMQHFVaAeGcVZScVd0cVhiWAQAAABub25lcVloAmgDSwCFcVpoCYdxW1JxXChLAUsASwOGcV1oEIljX19idWlsdGluX18KYnl0ZXMKcV4pUnFfdHFgYnUu",
  "3": "gANjY29sbGVjdGlvbnMKT3JkZXJlZERpY3QKcQApUnEBKFgCAAAAZjRxAmNudW1weS5jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEDY251bXB5Cm5kYXJyYXkKcQRLAIVxBUMBYnEGh3EHUnEIKEsBSwJLA4ZxCWNudW1weQpkdHlwZQpxClgCAAAAZjRxC4mIh3EMUnENKEsDWAEAAAA8cQ5OTk5K/////0r/////SwB0cQ9iiUMYAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAcRB0cRFiWAMAAABiaWdxEmgDaARLAIVxE2gGh3EUUnEVKEsBSwJLA4ZxFmgKWAIAAABmNHEXiYiHcRhScRkoSwNYAQAAAD5xGk5OTkr/////Sv////9LAHRxG2KJQxgAAAAAP4AAAEAAAABAQAAAQIAAAECgAABxHHRxHWJYBwAAAGZvcnRyYW5xHmgDaARLAIVxH2gGh3EgUnEhKEsBSwJLA0sEh3EiaApYAgAAAGk4cSOJiIdxJFJxJShLA2gOTk5OSv////9K/////0sAdHEmYohDwAAAAAAAAAAADAAAAAAAAAAEAAAAAAAAABAAAAAAAAAACAAAAAAAAAAUAAAAAAAAAAEAAAAAAAAADQAAAAAAAAAFAAAAAAAAABEAAAAAAAAACQAAAAAAAAAVAAAAAAAAAAIAAAAAAAAADgAAAAAAAAAGAAAAAAAAABIAAAAAAAAACgAAAAAAAAAWAAAAAAAAAAMAAAAAAAAADwAAAAAAAAAHAAAAAAAAABMAAAAAAAAACwAAAAAAAAAXAAAAAAAAAHEndHEoYlgCAAAAZjJxKWgDaARLAIVxKmgGh3ErUnEsKEsBSwKFcS1oClgCAAAAZjJxLomIh3EvUnEwKEsDaA5OTk5K/////0r/////SwB0cTFiiUMEADgAwHEydHEzYlgEAAAAYm9vbHE0aANoBEsAhXE1aAaHcTZScTcoSwFLAoVxOGgKWAIAAABiMXE5iYiHcTpScTsoSwNYAQAAAHxxPE5OTkr/////Sv////9LAHRxPWKJQwIBAHE+dHE/YlgGAAAAc2NhbGFycUBoA2gESwCFcUFoBodxQlJxQyhLASloClgCAAAAZjhxRImIh3FFUnFGKEsDaA5OTk5K/////0r/////SwB0cUdiiUMIAAAAAAAADEBxSHRxSWJYBAAAAG5vbmVxSmgDaARLAIVxS2gGh3FMUnFNKEsBSwBLA4ZxTmgNiUMAcU90cVBidS4=",
  "4": "gASVJAMAAAAAAAB9lCiMAmY0lIwVbnVtcHkuY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25kYXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAksDhpRoBYwFZHR5cGWUk5SMAmY0lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGKJQxgAAAAAAACAPwAAAEAAAEBAAACAQAAAoECUdJRijANiaWeUaARoB0sAhZRoCYeUUpQoSwFLAksDhpRoDowCZjSUiYiHlFKUKEsDjAE+lE5OTkr/////Sv////9LAHSUYolDGAAAAAA/gAAAQAAAAEBAAABAgAAAQKAAAJR0lGKMB2ZvcnRyYW6UaARoB0sAhZRoCYeUUpQoSwFLAksDSwSHlGgOjAJpOJSJiIeUUpQoSwNoEk5OTkr/////Sv////9LAHSUYohDwAAAAAAAAAAADAAAAAAAAAAEAAAAAAAAABAAAAAAAAAACAAAAAAAAAAUAAAAAAAAAAEAAAAAAAAADQAAAAAAAAAFAAAAAAAAABEAAAAAAAAACQAAAAAAAAAVAAAAAAAAAAIAAAAAAAAADgAAAAAAAAAGAAAAAAAAABIAAAAAAAAACgAAAAAAAAAWAAAAAAAAAAMAAAAAAAAADwAAAAAAAAAHAAAAAAAAABMAAAAAAAAACwAAAAAAAAAXAAAAAAAAAJR0lGKMAmYylGgEaAdLAIWUaAmHlFKUKEsBSwKFlGgOjAJmMpSJiIeUUpQoSwNoEk5OTkr/////Sv////9LAHSUYolDBAA4AMCUdJRijARib29slGgEaAdLAIWUaAmHlFKUKEsBSwKFlGgOjAJiMZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sAdJRiiUMCAQCUdJRijAZzY2FsYXKUaARoB0sAhZRoCYeUUpQoSwEpaA6MAmY4lImIh5RSlChLA2gSTk5OSv////9K/////0sAdJRiiUMIAAAAAAAADECUdJRijARub25llGgEaAdLAIWUaAmHlFKUKEsBSwBLA4aUaBGJQwCUdJRidS4=",
  "5": "gAWVEgMAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpQojAJmNJSMEm51bXB5LmNvcmUubnVtZXJpY5SMC19mcm9tYnVmZmVylJOUKJYYAAAAAAAAAAAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQJSMBW51bXB5lIwFZHR5cGWUk5SMAmY0lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGJLAksDhpSMAUOUdJRSlIwDYmlnlGgHKJYYAAAAAAAAAAAAAAA/gAAAQAAAAEBAAABAgAAAQKAAAJRoC4wCZjSUiYiHlFKUKEsDjAE+lE5OTkr/////Sv////9LAHSUYksCSwOGlGgSdJRSlIwHZm9ydHJhbpRoByiWwAAAAAAAAAAAAAAAAAAAAAwAAAAAAAAABAAAAAAAAAAQAAAAAAAAAAgAAAAAAAAAFAAAAAAAAAABAAAAAAAAAA0AAAAAAAAABQAAAAAAAAARAAAAAAAAAAkAAAAAAAAAFQAAAAAAAAACAAAAAAAAAA4AAAAAAAAABgAAAAAAAAASAAAAAAAAAAoAAAAAAAAAFgAAAAAAAAADAAAAAAAAAA8AAAAAAAAABwAAAAAAAAATAAAAAAAAAAsAAAAAAAAAFwAAAAAAAACUaAuMAmk4lImIh5RSlChLA2gPTk5OSv////9K/////0sAdJRiSwJLA0sEh5SMAUaUdJRSlIwCZjKUaAcolgQAAAAAAAAAADgAwJRoC4wCZjKUiYiHlFKUKEsDaA9OTk5K/////0r/////SwB0lGJLAoWUaBJ0lFKUjARib29slGgHKJYCAAAAAAAAAAEAlGgLjAJiMZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sAdJRiSwKFlGgSdJRSlIwGc2NhbGFylGgHKJYIAAAAAAAAAAAAAAAAAAxAlGgLjAJmOJSJiIeUUpQoSwNoD05OTkr/////Sv////9LAHSUYiloEnSUUpSMBG5vbmWUaAcolgAAAAAAAAAAlGgOSwBLA4aUaBJ0lFKUdS4=",
};
/** As NumPy 2.4 does. */
const NUMPY_2: Readonly<Record<string, string>> = {
  "2": "gAJ9cQAoWAIAAABmNHEBY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnECY251bXB5Cm5kYXJyYXkKcQNLAIVxBGNfY29kZWNzCmVuY29kZQpxBVgBAAAAYnEGWAYAAABsYXRpbjFxB4ZxCFJxCYdxClJxCyhLAUsCSwOGcQxjbnVtcHkKZHR5cGUKcQ1YAgAAAGY0cQ6JiIdxD1JxEChLA1gBAAAAPHERTk5OSv////9K/////0sAdHESYoloBVgbAAAAAAAAAAAAwoA/AAAAQAAAQEAAAMKAQAAAwqBAcRNoB4ZxFFJxFXRxFmJYBgAAAHNjYWxhcnEXY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKc2NhbGFyCnEYaA1YAgAAAGY4cRmJiIdxGlJxGyhLA2gRTk5OSv////9K/////0sAdHEcYmgFWAkAAAAAAAAAAADDkD9xHWgHhnEeUnEfhnEgUnEhdS4=",
  "5": "gAWV9wAAAAAAAAB9lCiMAmY0lIwTbnVtcHkuX2NvcmUubnVtZXJpY5SMC19mcm9tYnVmZmVylJOUKJYYAAAAAAAAAAAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQJSMBW51bXB5lIwFZHR5cGWUk5SMAmY0lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGJLAksDhpSMAUOUdJRSlIwGc2NhbGFylIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMBnNjYWxhcpSTlGgIjAJmOJSJiIeUUpQoSwNoDE5OTkr/////Sv////9LAHSUYkMIAAAAAAAA0D+UhpRSlHUu",
};
/** As Paddle 2.6.2 saves a state dict, and a dict that holds tensors in other places as well. */
const PADDLE = {
  state:
    "gASVCAEAAAAAAAB9lCiMBndlaWdodJSMFW51bXB5LmNvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwFLAYaUaAWMBWR0eXBllJOUjAJmNJSJiIeUUpQoSwOMATyUTk5OSv////9K/////0sAdJRiiUMEhjy2v5R0lGKMBGJpYXOUaARoB0sAhZRoCYeUUpQoSwFLAYWUaBGJQwQAAAAAlHSUYowbU3RydWN0dXJlZFRvUGFyYW1ldGVyTmFtZUBAlH2UKGgBjAxsaW5lYXJfMC53XzCUaBaMDGxpbmVhcl8wLmJfMJR1dS4=",
  nested:
    "gASVEgEAAAAAAAB9lCiMAWGUXZSMCGJ1aWx0aW5zlIwFdHVwbGWUk5SMEmdlbmVyYXRlZF90ZW5zb3JfMZSMFW51bXB5LmNvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwKFlGgKjAVkdHlwZZSTlIwCZjSUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDCAAAwD8AAADAlHSUYoaUhZRSlGGMAXeUaAWMEmdlbmVyYXRlZF90ZW5zb3JfMpRoCWgMSwCFlGgOh5RSlChLAUsChZRoFolDCAAAwD8AAADAlHSUYoaUhZRSlHUu",
  tensor:
    "gASVwAAAAAAAAACMCGJ1aWx0aW5zlIwFdHVwbGWUk5SMEmdlbmVyYXRlZF90ZW5zb3JfM5SMFW51bXB5LmNvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwKFlGgHjAVkdHlwZZSTlIwCZjSUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDCAAAwD8AAADAlHSUYoaUhZRSlC4=",
};

const decode = (base64: string): Uint8Array => Buffer.from(base64, "base64");

async function failure(action: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(OcrDetError);
    return error as OcrDetError;
  }
  throw new Error("nothing was thrown");
}

function listWeights(model: Model): Map<string, Tensor> {
  return new Map(
    model.graph.initializers.flatMap(({ name, tensor }) =>
      tensor && /^(backbone|neck|head)\./.test(name) ? [[name, tensor]] : [],
    ),
  );
}

/** A float32 array of a NumPy file. */
async function readNpy(path: string): Promise<{ dims: readonly number[]; data: Float32Array }> {
  const bytes = await readFile(path);
  const start = 10 + bytes.readUInt16LE(8);
  const shape = /'shape': \(([\d, ]+)\)/.exec(bytes.subarray(10, start).toString());
  const dims = (shape?.[1] ?? "").split(",").map(Number);
  return { dims, data: new Float32Array(Uint8Array.from(bytes.subarray(start)).buffer) };
}

describe("readPdparams", () => {
  test.each(Object.entries(ARRAYS))(
    "reads arrays of every kind in protocol %s",
    async (_p, data) => {
      const weights = await readPdparams(decode(data));
      const content = [...weights].map(([name, { dtype, dims }]) => [name, dtype, dims]);
      expect(content).toEqual([
        ["f4", "float32", [2, 3]],
        ["big", "float32", [2, 3]],
        ["fortran", "int64", [2, 3, 4]],
        ["f2", "float16", [2]],
        ["bool", "bool", [2]],
        ["scalar", "float64", []],
        ["none", "float32", [0, 3]],
      ]);
      const numbers = (name: string): readonly number[] => [
        ...(weights.get(name)?.toNumbers() ?? [Number.NaN]),
      ];
      expect(numbers("f4")).toEqual([0, 1, 2, 3, 4, 5]);
      expect(numbers("big")).toEqual([0, 1, 2, 3, 4, 5]);
      expect(numbers("fortran")).toEqual(Array.from({ length: 24 }, (_, index) => index));
      expect(numbers("f2")).toEqual([0.5, -2]);
      expect(numbers("bool")).toEqual([1, 0]);
      expect(numbers("scalar")).toEqual([3.5]);
    },
  );

  test("reads a state dict that Paddle saved, without its table of names", async () => {
    expect([...(await readPdparams(decode(PADDLE.state))).keys()]).toEqual(["weight", "bias"]);
  });

  test("says what stands where an array should", async () => {
    const { code, message } = await failure(() => readPdparams(decode(PADDLE.nested)));
    expect(code).toBe("invalid-weights");
    expect(message).toMatch(/a list as "a", not an array/);
    expect((await failure(() => readPdparams(decode(PADDLE.tensor)))).message).toMatch(
      /holds a tuple, not a dict/,
    );
    // A scalar of NumPy 2.
    for (const data of Object.values(NUMPY_2)) {
      expect((await failure(() => readPdparams(decode(data)))).message).toMatch(
        /a number as "scalar"/,
      );
    }
  });

  test("puts together what Paddle cut into pieces", async () => {
    const writer = createPickleWriter();
    const array = (name: string, tensor: Tensor) => () => {
      writer.text(name);
      writeArray(writer, tensor);
    };
    writer.dict(() => {
      array("w@@.0", Tensor.float32([4], [1, 2, 3, 4]))();
      array("w@@.1", Tensor.float32([2], [5, 6]))();
      writer.text("UnpackBigParamInfor@@");
      writer.dict(() => {
        writer.text("w");
        writer.dict(() => {
          writer.text("OriginShape");
          writer.tuple(() => {
            writer.integer(2);
            writer.integer(3);
          });
          writer.text("slices");
          writer.list(() => {
            writer.text("w@@.0");
            writer.text("w@@.1");
          });
        });
      });
    });
    const weights = await readPdparams(writer.finish());
    expect([...weights.keys()]).toEqual(["w"]);
    expect(weights.get("w")?.dims).toEqual([2, 3]);
    expect([...(weights.get("w")?.toNumbers() ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each([
    ["cposix\nsystem\n(S'touch owned'\ntR.", "posix.system"],
    ["}(S'w'\ncbuiltins\neval\n(S'1'\ntRu.", "builtins.eval"],
    ["cnumpy\nload\n(S'x'\ntR.", "numpy.load"],
    ["cpaddle.base.core\nLoDTensor\n)R.", "paddle.base.core.LoDTensor"],
  ])("refuses the malicious %j", async (text, name) => {
    const folder = createTemporaryFolder();
    const path = join(folder, "evil.pdparams");
    await writeFile(path, text);
    const { code, message } = await failure(() => readPdparams(path));
    expect(code).toBe("invalid-weights");
    expect(message).toContain(name);
    expect(message).toContain(path);
  });

  test("refuses truncated, empty, foreign and absent files", async () => {
    const folder = createTemporaryFolder();
    const write = async (name: string, bytes: Uint8Array): Promise<string> => {
      await writeFile(join(folder, name), bytes);
      return join(folder, name);
    };
    const whole = encodePdparams(buildDbDetector(SMALL));
    const half = await write("half", whole.subarray(0, whole.length / 2));
    expect((await failure(() => readPdparams(half))).message).toMatch(/truncated/);
    expect((await failure(async () => readPdparams(await write("none", Buffer.of())))).code).toBe(
      "empty-file",
    );
    const png = await write("a.png", Buffer.from([0x89, 0x50, 0x4e, 0x47]));
    expect((await failure(() => readPdparams(png))).code).toBe("invalid-weights");
    expect((await failure(() => readPdparams(join(folder, "no")))).code).toBe("file-not-found");
  });

  test("damaged files give weights or an error of ours, never anything else", async () => {
    const random = createRandom(2);
    const sources = [...Object.values(ARRAYS), ...Object.values(NUMPY_2), ...Object.values(PADDLE)];
    for (const source of sources) {
      for (let round = 0; round < 200; round++) {
        const bytes = Buffer.from(source, "base64");
        for (let count = 0; count < 2; count++) {
          bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
        }
        const outcome = await readPdparams(bytes).catch((error: unknown) => error);
        expect(outcome instanceof Map || outcome instanceof OcrDetError).toBe(true);
      }
    }
  });

  test("refuses an array whose shape and data disagree", async () => {
    const writer = createPickleWriter();
    writer.dict(() => {
      writer.text("w");
      writeArray(
        writer,
        new Tensor({
          dtype: "float32",
          dims: [1 << 30, 1 << 20],
          storage: Tensor.float32([2], [1, 2]).storage,
        }),
      );
    });
    expect((await failure(() => readPdparams(writer.finish()))).message).toMatch(
      /shape \[1073741824,1048576\] .* it has 8/,
    );
  });
});

describe("loadPaddleWeights", () => {
  test.skipIf(!fixtures).each<[string, DbDetectorConfig["neck"], boolean]>([
    ["det-mv3-large-x0.5-nose-fpn96", { name: "DBFPN", outChannels: 96 }, true],
    ["det-mv3-large-x0.5-se-rsefpn96", { name: "RSEFPN", outChannels: 96 }, false],
  ])("%s gives what Paddle computed (needs the shared fixtures)", async (name, neck, disableSe) => {
    const path = `${fixtures}/${name}`;
    const backbone = { name: "MobileNetV3", modelName: "large", scale: 0.5, disableSe } as const;
    const weights = await readPdparams(`${path}.pdparams`);
    const read = (part: string) => readNpy(`${path}.${part}.npy`);
    const [input, probability, threshold] = await Promise.all(
      ["input", "probability", "threshold"].map(read),
    );
    if (!input || !probability || !threshold) throw new Error("a fixture is missing");
    // These were computed with the slope that Paddle's hardsigmoid has by itself.
    const runtime = createRuntime({ threads: 2 });
    for (const graph of ["training", "inference"] as const) {
      const model = buildDbDetector({ backbone, neck, graph, gateSlope: 1 / 6 });
      loadPaddleWeights(model, weights);
      await using session = await runtime.load(model);
      const maps = await session.run({ x: float32Feed(input.dims, input.data) });
      const compare = (map: string, expected: NumbersLike, atol: number): void => {
        const actual = maps[map];
        if (!actual) throw new Error(`there is no ${map}`);
        expectClose(actual, expected, { atol, rtol: 0 }, map);
      };
      compare("shrink_maps", probability, 1e-4);
      if (graph === "inference") continue;
      compare("threshold_maps", threshold, 1e-4);
      const data = probability.data.map((p, index) => {
        return 1 / (1 + Math.exp(-50 * (p - (threshold.data[index] ?? 0))));
      });
      compare("binary_maps", { dims: probability.dims, data }, 1e-3);
    }
  });

  test("takes one model of a file that holds several", () => {
    const model = buildDbDetector(SMALL);
    const other = listWeights(buildDbDetector({ ...SMALL, seed: 1 }));
    const weights = new Map<string, Tensor>([["Teacher.x", Tensor.float32([1], [1])]]);
    for (const [name, tensor] of other) weights.set(`Student.${name}`, tensor);
    expect(() => loadPaddleWeights(model, weights)).toThrow(/unknown to the model: Teacher.x/);
    expect(() => loadPaddleWeights(model, weights, { prefix: "Pupil." })).toThrow(
      /no weight begins with "Pupil."; the first is "Teacher.x"/,
    );
    loadPaddleWeights(model, weights, { prefix: "Student." });
    expect(listWeights(model)).toEqual(other);
  });

  test("makes float32 of float16 weights", () => {
    const model = buildDbDetector(SMALL);
    const name = "head.binarize.conv3.bias";
    const half = Tensor.from("float16", [1], Uint16Array.of(0xb800));
    loadPaddleWeights(model, new Map([...listWeights(model), [name, half]]));
    expect([...(model.graph.value(name)?.tensor?.float32Values() ?? [])]).toEqual([-0.5]);
  });

  const mismatches: readonly [string, (weights: Map<string, Tensor>) => void, readonly string[]][] =
    [
      [
        "a missing key",
        (weights) => weights.delete("neck.in2_conv.weight"),
        ["1 missing: neck.in2_conv.weight [16, 8, 1, 1]"],
      ],
      [
        "an extra key",
        (weights) => weights.set("neck.in6_conv.weight", Tensor.float32([2, 1], [1, 2])),
        ["1 unknown to the model: neck.in6_conv.weight [2, 1]"],
      ],
      [
        "another shape",
        (weights) => weights.set("head.binarize.conv3.bias", Tensor.float32([2], [1, 2])),
        ["1 of another shape: head.binarize.conv3.bias [2] instead of [1]"],
      ],
      [
        "integers",
        (weights) => weights.set("head.binarize.conv3.bias", Tensor.int64([1])),
        ["head.binarize.conv3.bias int64 [1] instead of [1]"],
      ],
      [
        "all at once",
        (weights) => {
          weights.delete("neck.in2_conv.weight");
          weights.set("a", Tensor.float32([1], [1]));
          weights.set("head.binarize.conv3.bias", Tensor.float32([2], [1, 2]));
        },
        ["1 missing: neck.in2_conv.weight", "1 unknown to the model: a [1]", "1 of another shape"],
      ],
    ];
  test.each(mismatches)("refuses %s and leaves the model as it was", async (_what, edit, parts) => {
    const model = buildDbDetector(SMALL);
    const before = listWeights(model);
    const weights = new Map(listWeights(buildDbDetector({ ...SMALL, seed: 1 })));
    edit(weights);
    const { code, message } = await failure(() => loadPaddleWeights(model, weights));
    expect(code).toBe("mismatched-weights");
    for (const part of parts) expect(message).toContain(part);
    for (const [name, tensor] of listWeights(model)) expect(tensor).toBe(before.get(name));
  });

  test("refuses another architecture with one message that stays readable", async () => {
    const model = buildDbDetector({ ...SMALL, backbone: { name: "ResNet_vd", layers: 18 } });
    const weights = listWeights(buildDbDetector(SMALL));
    const { message } = await failure(() => loadPaddleWeights(model, weights));
    expect(message).toMatch(/\d+ missing: backbone.conv1_1._conv.weight \[32, 3, 3, 3\]/);
    expect(message).toMatch(/\d+ unknown to the model: backbone.conv.conv.weight \[8, 3, 3, 3\]/);
    expect(message).toMatch(/and \d+ more/);
    expect(message.length).toBeLessThan(10_000);
  });

  test("an inference graph leaves the threshold head out, but only one that fits", () => {
    const training = listWeights(buildDbDetector({ ...SMALL, graph: "training" }));
    const model = buildDbDetector(SMALL);
    loadPaddleWeights(model, training);
    expect([...listWeights(model).keys()].some((name) => name.includes("thresh"))).toBe(false);
    const wrong: PaddleWeights = new Map([
      ...training,
      ["head.thresh.conv3.bias", Tensor.float32([3], [1, 2, 3])],
    ]);
    expect(() => loadPaddleWeights(model, wrong)).toThrow(/head.thresh.conv3.bias \[3\]/);
  });

  test("a training graph wants the threshold head", () => {
    const model = buildDbDetector({ ...SMALL, graph: "training" });
    const weights = listWeights(buildDbDetector(SMALL));
    expect(() => loadPaddleWeights(model, weights)).toThrow(/missing: head.thresh.conv1.weight/);
  });

  test("refuses a model whose parameters were folded", async () => {
    const model = buildDbDetector(SMALL);
    const weights = listWeights(model);
    await transform(model, simplify());
    expect(() => loadPaddleWeights(model, weights)).toThrow(OcrDetError);
  });
});

describe("writePdparams", () => {
  test("what it writes is read back the same, constants of the graph left out", async () => {
    const folder = createTemporaryFolder();
    const model = buildDbDetector({ ...SMALL, graph: "training", seed: 3 });
    const path = join(folder, "new", "best.pdparams");
    await writePdparams(model, path);
    const weights = await readPdparams(path);
    const own = listWeights(model);
    expect([...weights.keys()]).toEqual([...own.keys()]);
    for (const [name, tensor] of weights) {
      expect(tensor.dims).toEqual(own.get(name)?.dims);
      expect(Buffer.from(tensor.bytes).equals(own.get(name)?.bytes ?? Buffer.of())).toBe(true);
    }
    const twin = buildDbDetector({ ...SMALL, graph: "training" });
    loadPaddleWeights(twin, weights);
    expect(Buffer.from(encodePdparams(twin)).equals(encodePdparams(model))).toBe(true);
  });

  test("refuses a model without PaddleOCR's names", async () => {
    const model = cloneModel(buildDbDetector(SMALL));
    for (const value of model.graph.initializers) value.name = `other.${value.name}`;
    expect((await failure(() => encodePdparams(model))).code).toBe("mismatched-weights");
  });

  test("says when the path cannot be written", async () => {
    const folder = createTemporaryFolder();
    await writeFile(join(folder, "file"), "x");
    const path = join(folder, "file", "best.pdparams");
    const { code } = await failure(() => writePdparams(buildDbDetector(SMALL), path));
    expect(code).toBe("write-failed");
  });
});
