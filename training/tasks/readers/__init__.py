"""Files of data sets that are not shipped, in the formats that they are published in."""

from ._idx_files import find_idx as find_idx
from ._idx_files import read_idx as read_idx
from ._mnist_files import MIRRORS as MIRRORS
from ._mnist_files import MNIST as MNIST
from ._mnist_files import fetch_mnist as fetch_mnist
from ._squad_files import Question as Question
from ._squad_files import find_file as find_file
from ._squad_files import read_squad as read_squad
