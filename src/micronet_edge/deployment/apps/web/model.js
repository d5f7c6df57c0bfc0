// What the model takes and gives, written by `micronet-edge deploy`. All else here is the same for every model.
//
//   name, precision     what it is
//   file                the model, beside this page
//   labels              of the classes, in the order of the scores
//   scores              "logits", or probabilities: "softmax"
//   width, size         of the image that it takes, in pixels: width and height
//   resize              height that an image has after resizing, before its centre is cut out
//   interpolation       "bilinear" or "bicubic"
//   grey                whether it takes grey images
//   reversed            whether its channels are blue, green, red
//   type, layout        of its input: "float32", "uint8" or "int8", "NCHW" or "NHWC"
//   factor, offset      for each channel: it takes pixel * factor + offset
export const MODEL = {};
