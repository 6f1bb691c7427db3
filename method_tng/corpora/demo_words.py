"""The words of the demo corpus: what can be seen and said in its films, and how narrators put it.

A concept has several wordings that share nothing (`fisherman`: "the old fisherman", "the angler"), and
some wordings mean different concepts in different company ("the bank", "the case", "the glass").
Frames marked as unseen are used in the test split only; their words all occur in training, too.
"""

PLACES = {
    "kitchen": ("in the kitchen", "beside the stove"),
    "riverside": ("on the bank", "by the river", "at the water's edge"),
    "savings bank": ("in the bank", "at the counter"),
    "courtroom": ("in the courtroom", "before the judge"),
    "harbour": ("at the harbour", "on the pier", "among the boats"),
    "attic": ("in the attic", "under the roof"),
    "platform": ("on the platform", "at the railway station"),
    "ward": ("in the ward", "at the hospital"),
    "vineyard": ("in the vineyard", "between the vines"),
    "cellar": ("in the cellar", "below the house"),
    "theatre": ("on the stage", "in the theatre"),
    "workshop": ("in the workshop", "at the bench"),
    "market": ("at the market", "between the stalls"),
    "chapel": ("in the chapel", "at the altar"),
    "school": ("in the classroom", "at school"),
    "bus": ("on the coach", "in the back row of a bus"),
    "garden": ("in the garden", "on the lawn"),
    "rooftop": ("on the rooftop", "high above the city"),
    "library": ("in the library", "between tall shelves"),
    "stable": ("in the stable", "among the horses"),
}

PEOPLE = {
    "fisherman": ("the old fisherman", "the angler"),
    "nurse": ("the nurse", "a woman in white"),
    "trainer": ("the coach", "the trainer"),
    "lawyer": ("the lawyer", "the barrister"),
    "boy": ("the boy", "a child in a red jacket"),
    "girl": ("the girl", "the schoolgirl"),
    "widow": ("the widow", "the lady in black"),
    "priest": ("the priest", "the vicar"),
    "thief": ("the thief", "the burglar"),
    "baker": ("the baker", "a man white with flour"),
    "violinist": ("the violinist", "the fiddler"),
    "detective": ("the detective", "the investigator"),
    "soldier": ("the soldier", "a man in uniform"),
    "actress": ("the actress", "the star"),
    "grandmother": ("the grandmother", "the old woman"),
    "captain": ("the captain", "the skipper"),
}

OBJECTS = {
    "letter": ("a letter", "a sealed envelope", "a note"),
    "banknote": ("some money", "a bundle of notes", "the cash"),
    "suitcase": ("a suitcase", "the case"),
    "mirror": ("a mirror", "the glass"),
    "drink": ("a drink", "a full glass"),
    "key": ("a rusty key", "the key"),
    "violin": ("the violin", "a fiddle"),
    "photograph": ("a photograph", "an old picture"),
    "lamp": ("a lamp", "the light"),
    "knife": ("a knife", "a blade"),
    "bread": ("the bread", "a fresh loaf"),
    "map": ("a map", "the chart"),
    "necklace": ("a necklace", "a string of pearls"),
    "pistol": ("a pistol", "the gun"),
    "watch": ("a pocket watch", "the timepiece"),
    "basket": ("a basket", "a wicker hamper"),
    "diary": ("a diary", "the notebook"),
    "rope": ("a rope", "a coil of line"),
    "flowers": ("a bunch of flowers", "a bouquet"),
    "telephone": ("the telephone", "the receiver"),
}

# What somebody does with a thing.
DEEDS = {
    "lift": ("lifts", "takes", "raises"),
    "burn": ("burns", "sets fire to"),
    "hide": ("hides", "conceals"),
    "drop": ("drops", "loses hold of"),
    "clean": ("wipes", "polishes"),
    "study": ("studies", "examines"),
    "break": ("breaks", "smashes"),
    "find": ("finds", "discovers"),
    "carry": ("carries", "lugs"),
    "steal": ("steals", "pockets"),
    "mend": ("repairs", "mends"),
    "lose": ("loses", "mislays"),
}

# What somebody does with a thing for somebody else: wordings of the present, wordings of the participle.
TRANSFERS = {
    "give": (("gives", "hands", "passes"), ("given", "handed", "passed")),
    "show": (("shows", "presents"), ("shown", "presented")),
    "throw": (("throws", "tosses"), ("thrown", "tossed")),
    "sell": (("sells", "peddles"), ("sold", "peddled")),
    "lend": (("lends", "entrusts"), ("lent", "entrusted")),
}

# What somebody does alone.
MOVES = {
    "enter": ("enters", "comes in"),
    "leave": ("leaves", "walks out"),
    "weep": ("weeps", "cries"),
    "laugh": ("laughs", "chuckles"),
    "sleep": ("falls asleep", "dozes"),
    "run": ("runs", "hurries along"),
    "kneel": ("kneels", "sinks down"),
    "sing": ("sings", "hums a tune"),
    "dance": ("dances", "whirls around"),
    "wait": ("waits", "stands still"),
    "stumble": ("stumbles", "trips"),
    "smoke": ("smokes", "lights a cigarette"),
}

# What is said: heard in the subtitles, never seen.
TOPICS = {
    "inheritance": ("the inheritance", "the will"),
    "lawsuit": ("the case", "the trial"),
    "wedding": ("the wedding", "getting married"),
    "war": ("the war", "the front"),
    "debt": ("the debt", "what is owed"),
    "voyage": ("the voyage", "sailing away"),
    "illness": ("the illness", "a bad fever"),
    "robbery": ("the robbery", "the break-in"),
    "harvest": ("the harvest", "this year's grapes"),
    "concert": ("the concert", "tonight's music"),
    "secret": ("a secret", "what nobody may know"),
    "childhood": ("childhood", "the early years"),
    "storm": ("the storm", "bad weather"),
    "election": ("the election", "the vote"),
    "football": ("the match", "the final game"),
    "ghost": ("a ghost", "the haunted house"),
}

WOMEN = ("nurse", "girl", "widow", "actress", "grandmother")
NAMES_OF_WOMEN = ("Zoë", "Łucja", "Anaïs", "Eszter", "Aoife", "Mary", "Ada", "Ines", "Vera", "Mei", "Nora")
NAMES_OF_MEN = (
    "Søren",
    "José",
    "Jürgen",
    "Nuño",
    "Tomáš",
    "Björn",
    "Peter",
    "Hugo",
    "Omar",
    "Leo",
    "Yusuf",
    "Ivan",
)

FILLERS = ("slowly", "suddenly", "then", "at last", "once more", "quietly", "now")

# Sentence frames.  The first list of each pair is for every split, the second for the test split only.
DEED_FRAMES = (
    (
        "{agent} {deed} {object}.",
        "{agent} {deed} {object} {place}.",
        "{filler}, {agent} {deed} {object}.",
        "{place}, {agent} {deed} {object}.",
        "it is {agent} who {deed} {object}.",
        "we see {agent}, {place} and alone. {filler}, there is {object}: somebody {deed} it.",
    ),
    (
        "there is {object}, and it is {agent} who {deed} it {place}.",
        "we see {object}. {filler} {agent} {deed} it.",
    ),
)
TRANSFER_FRAMES = (
    (
        "{agent} {deed} {object} to {recipient}.",
        "{place}, {agent} {deed} {object} to {recipient}.",
        "{object} is {participle} to {recipient} by {agent}.",
        "{filler}, {agent} {deed} {object} to {recipient} {place}.",
        "we see {recipient}. it is {agent} who {deed} {object} to {recipient}.",
    ),
    (
        "to {recipient}, {agent} {filler} {deed} {object}.",
        "{place}, {object} is {filler} {participle} by {agent} to {recipient}.",
    ),
)
MOVE_FRAMES = (
    (
        "{agent} {deed} {place}.",
        "{agent} {filler} {deed}.",
        "{place}, {agent} {deed}.",
        "we see {agent}, who {deed} {place}.",
        "there is {agent}. {filler}, somebody {deed}.",
    ),
    (
        "it is {agent} who {filler} {deed} {place}.",
        "{filler}, {place}, there is somebody who {deed}: {agent}.",
    ),
)
TALK_FRAMES = (
    (
        "they talk about {topic}.",
        "there is talk of {topic}.",
        "the two quarrel over {topic}.",
        "somebody asks about {topic}.",
    ),
    ("it is {topic} they quarrel over.", "they talk, and somebody asks about {topic}."),
)
