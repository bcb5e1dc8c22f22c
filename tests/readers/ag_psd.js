// Prints what ag-psd sees of a Photoshop file as JSON, samples as base64. node ag_psd.js FOLDER_OF_AG_PSD FILE
const fs = require('fs');
const path = require('path');
const [folder, file] = process.argv.slice(2);
const { readPsd, initializeCanvas } = require(path.join(folder, 'node_modules', 'ag-psd'));

initializeCanvas(
  () => { throw new Error('no canvas is needed with useImageData'); },
  (width, height) => ({ width, height, data: new Uint8ClampedArray(width * height * 4) }));

const psd = readPsd(fs.readFileSync(file), { useImageData: true, useRawThumbnail: true });
const samples = (image) =>
  image ? Buffer.from(image.data.buffer, image.data.byteOffset, image.data.byteLength).toString('base64') : '';
const resources = psd.imageResources;
console.log(JSON.stringify({
  width: psd.width,
  height: psd.height,
  bits: psd.bitsPerChannel,
  alphas: resources.alphaChannelNames,
  dpi: resources.resolutionInfo.horizontalResolution,
  composite: samples(psd.imageData),
  layers: psd.children.map((layer) => ({
    name: layer.name,
    rgba: samples(layer.imageData),
    mask: samples(layer.mask && layer.mask.imageData),
  })),
}));
