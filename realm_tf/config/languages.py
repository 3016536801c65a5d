# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The codes of languages: ISO 639-1, and the longer ones that the sentence splitter tells apart.

The splitter (sentencex) takes any text for a language, and splits by rules of English what it does
not know: a mistyped code would go unseen.
"""

from __future__ import annotations

_ISO_639_1 = """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da
    de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz
    ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln
    lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa
    pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg
    th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_LONGER = """
    aae abs ace acm ady aeb aeb-arab aln als alt ami anp apc arn arq ary arz ast atj avk awa azb ban
    bar bat-smg bbc bbc-latn bcc bci bdr be-tarask bew bgn bho bjn blk bpy bqi btm bug bxr cbk-zam
    cdo ckb cpx crh csb de-at de-ch de-formal dsb dtp dty dua egl eml es-formal ext fit fiu-vro fon
    frc frp frr fur gag gan gcf gcr gld glk gom gor gsw guc hak hif hke hrx hsb hsn hu-formal hyw
    iba inh jut kaa kab kbd kbp kea kge khw kiu kjh kjp kk-arab kk-cn kk-cyrl kk-kz kk-latn kk-tr
    ko-kp koi krc krl ks-arab ksh ksw ku-arab ku-latn kum lad lbe lez lij liv ljp lki lld lmo lrc
    ltg lua luz lzh lzz mad mag mai map-bms mdf mhr min mnw mrj ms-arab mui mwl myv mzn nah nan nap
    nds nds-nl nia nl-informal nrm nyo olo pcd pdc pdt pfl pms pnt pt-br pwn qug rgn rmy roa-rup rsk
    rue rup ruq rut sah scn sdc sdh se-fi se-no se-se ses sgs sh-cyrl sh-latn shi shy sjd skr sli
    sma smn sr-cyrl sr-ec sr-el sr-latn srn sro stq sty szl szy tay tcy tet tg-cyrl tg-latn trv
    tt-cyrl ttj tyv udm ug-arab vec vep vls vmf vmw vot vro wls wuu xal xmf yue zea zh-classical
    zh-hans zh-hant zh-hk zh-min-nan zh-mo zh-my zh-sg zh-tw zh-yue
"""

CODES = frozenset((*_ISO_639_1.split(), *_LONGER.split()))
