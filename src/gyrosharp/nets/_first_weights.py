"""First weights: what a convolution is given comes out as large as it went in."""

from torch import nn


def carry_variance(part: nn.Module) -> None:
    """Draw the convolutions of a part so that ReLU networks keep the size of their features (He et al., ICCV 2015).

    With torch's own draw every layer shrinks them by a factor of about 2.5: behind ten layers little but biases is left
    over, and a short training does not get going.
    """
    for conv in part.modules():
        if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            if conv.bias is not None:
                nn.init.zeros_(conv.bias)
