"""What no file holds, and the nearest thing that works."""

import operator

import torch
from torch import nn
from torch.nn import functional

from micronet_edge.lowering.vocabulary.registry import VOCABULARY

_refuses = VOCABULARY.refuses

_refuses(
    "recurrent layers run one step after the other: use convolutions over time (Conv1d) or attention",
    *(nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell, nn.RNNBase, nn.RNNCellBase),
)
_refuses(
    "layers over three axes are none of a file's: use Conv2d with the depth among the channels",
    *(nn.Conv3d, nn.ConvTranspose3d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool3d),
    *(nn.BatchNorm3d, nn.InstanceNorm3d, torch.conv3d, torch.conv_transpose3d),
    *(functional.max_pool3d, functional.avg_pool3d, functional.adaptive_avg_pool3d),
)
_refuses(
    "it samples at computed places: use Upsample or F.interpolate with a fixed size",
    *(functional.grid_sample, functional.affine_grid, torch.grid_sampler),
)
_refuses(
    "Fourier transforms are none of a file's: use a Linear layer with the transform's matrix",
    *(torch.fft.fft, torch.fft.rfft, torch.fft.fft2, torch.fft.rfft2, torch.fft.ifft, torch.fft.irfft2),
    torch.stft,
)
_refuses(
    "places of largest numbers are whole numbers: output the numbers, and search behind the file",
    *(torch.argmax, torch.argmin, torch.topk, torch.sort, torch.argsort, "argmax", "argmin", "topk", "sort"),
    "argsort",
)
_refuses(
    "it reads computed places: use fixed lists of places, or a weighted sum",
    *(torch.gather, torch.scatter, torch.take, "gather", "scatter", "scatter_add", "take", "index_put"),
    *(nn.Embedding, nn.EmbeddingBag, functional.embedding, functional.one_hot),
)
_refuses(
    "sums along an axis so far: multiply by a fixed triangular matrix, with Linear",
    *(torch.cumsum, torch.cumprod, "cumsum", "cumprod"),
)
_refuses(
    "it undoes a pool by places of largest numbers: use Upsample or ConvTranspose2d",
    *(nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d, functional.max_unpool2d),
)
_refuses(
    "it is no operator of both runtimes: use Conv2d, with Unfold's channels as those of a kernel of ones",
    *(nn.Fold, nn.Unfold, functional.fold, functional.unfold, "unfold"),
)
_refuses(
    "it jumps between numbers: use Hardsigmoid, Hardtanh or LeakyReLU",
    *(nn.Threshold, nn.Hardshrink, nn.Softshrink, functional.threshold, functional.hardshrink),
    *(
        functional.softshrink,
        torch.sign,
        torch.round,
        torch.floor,
        torch.ceil,
        "sign",
        "round",
        "floor",
        "ceil",
    ),
)
_refuses(
    "truth values are none of a file's numbers: blend by a weight from 0 to 1, as Hardsigmoid gives it",
    *(
        operator.gt,
        operator.ge,
        operator.lt,
        operator.le,
        operator.eq,
        operator.ne,
        operator.and_,
        operator.or_,
    ),
    *(
        operator.invert,
        torch.gt,
        torch.ge,
        torch.lt,
        torch.le,
        torch.eq,
        torch.ne,
        "gt",
        "ge",
        "lt",
        "le",
        "eq",
        "ne",
    ),
    *(torch.logical_and, torch.logical_or, torch.logical_not, torch.isnan, "isnan", "any", "all"),
)
_refuses(
    "sines are none of both runtimes' operators: compute positions before, as a buffer", torch.sin, torch.cos
)
_refuses(
    "random numbers differ from run to run: leave them to training, by `if self.training`",
    *(
        torch.rand_like,
        torch.randn_like,
        torch.randint_like,
        torch.bernoulli,
        torch.multinomial,
        torch.normal,
    ),
    *("bernoulli", "bernoulli_", "multinomial", "normal_", "uniform_", "random_", "exponential_"),
    *(functional.gumbel_softmax,),
)
_refuses(
    "pools of other norms are none of a file's: use AvgPool2d or MaxPool2d",
    *(nn.LPPool1d, nn.LPPool2d, functional.lp_pool1d, functional.lp_pool2d, nn.FractionalMaxPool2d),
)
_refuses(
    "it multiplies two computed rows: use Linear on each and a product", nn.Bilinear, functional.bilinear
)
_refuses("error functions are none of both runtimes' operators: use GELU, which knows them", torch.erf, "erf")
